import { byId, el, icon, setAttribute, setChildren, setText } from './dom.ts';
import { plural } from './format.ts';
import { type Asset, groupByAsset } from './grouping.ts';
import { TagRow } from './tag-row.ts';
import type { TagState, TagStore } from './tag-store.ts';

/** Rows of one card before somebody asks for more, and with each further step. */
const CARD_ROWS = 60;
/** Rows of all cards that are open by themselves; further ones are closed until somebody opens them. */
const OPEN_ROWS = 360;
const MAX_CARDS = 100;
const SEARCH_PAUSE_MS = 150;

/** Cards of the assets with their tags. What is not shown costs nothing: a gateway may have 10,000 tags. */
export class AssetsView {
  private readonly store: TagStore;
  private readonly onChoose: (path: string) => void;
  private readonly place = byId('assets');
  private readonly search = byId('search') as HTMLInputElement;
  private readonly cards = new Map<string, Card>();
  private chosen: readonly string[] = [];
  private alarmed: ReadonlyMap<string, number> = new Map();
  private listed = false;

  constructor(store: TagStore, onChoose: (path: string) => void) {
    this.store = store;
    this.onChoose = onChoose;
    let pause: number | undefined;
    this.search.addEventListener('input', () => {
      window.clearTimeout(pause);
      pause = window.setTimeout(() => this.build(), SEARCH_PAUSE_MS);
    });
  }

  /** The tag list has come, or has changed. */
  build(): void {
    this.listed = true;
    const { store, place, search } = this;
    const groups = groupByAsset(store.all(), search.value);
    const shown = groups.slice(0, MAX_CARDS);
    const roots: Element[] = [];
    let room = OPEN_ROWS;
    for (const group of shown) {
      const rows = Math.min(group.tags.length, CARD_ROWS);
      const card = this.cards.get(group.path) ?? new Card(group.path, this.onChoose);
      this.cards.set(group.path, card);
      card.fill(group, room >= rows);
      card.choose(this.chosen);
      room -= rows;
      roots.push(card.root);
    }
    for (const path of this.cards.keys()) if (!shown.some((group) => group.path === path)) this.cards.delete(path);
    if (groups.length > shown.length)
      roots.push(hint(`${plural(groups.length - shown.length, 'more asset')}: search to find them.`));
    if (groups.length === 0) roots.push(this.emptyText());
    setChildren(place, roots);
    const found = groups.reduce((sum, { tags }) => sum + tags.length, 0);
    const total = plural(store.size, 'tag');
    setText(byId('tag-count'), search.value.trim() === '' ? total : `${found} of ${total}`);
    this.alarm(this.alarmed);
    this.refresh(Date.now());
  }

  /** Shows these tags as they are now. */
  update(changed: readonly TagState[], nowMs: number): void {
    for (const tag of changed) this.cards.get(tag.asset)?.row(tag.path)?.show(nowMs);
  }

  /** Shows every tag as it is now: time has gone by. */
  refresh(nowMs: number): void {
    for (const card of this.cards.values()) card.refresh(nowMs);
  }

  /** Marks the tags that the trend draws. */
  choose(chosen: readonly string[]): void {
    this.chosen = chosen;
    for (const card of this.cards.values()) card.choose(chosen);
  }

  /** Marks the assets that have alarms: how many, by path. */
  alarm(counts: ReadonlyMap<string, number>): void {
    this.alarmed = counts;
    for (const [path, card] of this.cards) card.alarm(counts.get(path) ?? 0);
  }

  private emptyText(): Element {
    if (!this.listed) return hint('Loading the tags.');
    if (this.store.size > 0) return hint('No tag has this in its path. Try fewer letters.');
    return hint(
      'No tags yet. A tag appears with its first value: configure a connector in millrace.yaml, and look at its state with millrace status.',
    );
  }
}

function hint(text: string): HTMLElement {
  return el('p', { class: 'empty' }, text);
}

/** One asset. */
class Card {
  readonly root: HTMLDetailsElement;
  private readonly grid = el('div', { class: 'tags' });
  private readonly more = el('button', { class: 'button small more', type: 'button' });
  private readonly count = el('span', { class: 'muted' });
  private readonly badge = el('span', { class: 'badge' });
  private readonly title = el('h3');
  private readonly onChoose: (path: string) => void;
  private rows = new Map<string, TagRow>();
  private asset: Asset<TagState> | undefined;
  private limit = CARD_ROWS;
  private chosen: readonly string[] = [];
  private touched = false;

  constructor(path: string, onChoose: (path: string) => void) {
    this.onChoose = onChoose;
    const summary = el('summary', {}, icon('chevron'), this.title, this.badge, this.count);
    this.root = el('details', { class: 'panel asset', 'data-asset': path }, summary, this.grid, this.more);
    summary.addEventListener('click', () => (this.touched = true));
    this.root.addEventListener('toggle', () => this.draw());
    this.more.addEventListener('click', () => {
      this.limit += CARD_ROWS;
      this.draw();
    });
  }

  /** `open`: whether it is open unless somebody has decided otherwise. */
  fill(asset: Asset<TagState>, open: boolean): void {
    this.asset = asset;
    const { levels, path, tags } = asset;
    this.title.replaceChildren(
      ...levels
        .slice(0, -1)
        .flatMap((level) => [el('span', { class: 'parent' }, level), el('span', { class: 'slash' }, '/')]),
      levels.at(-1) ?? path,
    );
    setText(this.count, plural(tags.length, 'tag'));
    if (!this.touched) this.root.open = open;
    this.draw();
  }

  row(path: string): TagRow | undefined {
    return this.rows.get(path);
  }

  refresh(nowMs: number): void {
    for (const row of this.rows.values()) row.show(nowMs);
  }

  choose(chosen: readonly string[]): void {
    this.chosen = chosen;
    for (const [path, row] of this.rows) {
      const line = chosen.indexOf(path);
      row.choose(line < 0 ? undefined : line + 1);
    }
  }

  alarm(count: number): void {
    setText(this.badge, count === 0 ? '' : plural(count, 'alarm'));
    setAttribute(this.root, 'data-alarm', count === 0 ? undefined : '');
  }

  private draw(): void {
    const tags = this.root.open ? (this.asset?.tags ?? []) : [];
    const shown = tags.slice(0, this.limit);
    const before = this.rows;
    this.rows = new Map(
      shown.map((tag) => {
        const row = before.get(tag.path);
        return [tag.path, row?.tag === tag ? row : new TagRow(tag, this.onChoose)];
      }),
    );
    setChildren(
      this.grid,
      Array.from(this.rows.values(), ({ root }) => root),
    );
    const hidden = tags.length - shown.length;
    this.more.hidden = hidden === 0;
    setText(this.more, `Show ${Math.min(hidden, CARD_ROWS)} more of ${tags.length}`);
    this.choose(this.chosen);
    this.refresh(Date.now());
  }
}
