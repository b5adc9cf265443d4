import { byId, el, icon, setText } from './dom.ts';
import { formatDateTime, formatUnit, formatValue, NOTHING } from './format.ts';
import type { TagStore } from './tag-store.ts';
import { type Columns, valueAt } from './trend-data.ts';

export interface LegendTag {
  readonly path: string;
  readonly name: string;
  readonly unit: string | null;
  readonly number: number;
}

interface Entry {
  readonly tag: LegendTag;
  readonly value: HTMLElement;
}

/** Names of the lines with their values: at the cursor where there is one, else the last. */
export class Legend {
  private readonly place = byId('legend');
  private readonly onRemove: (path: string) => void;
  private readonly time = el('li', { class: 'moment' });
  private entries: readonly Entry[] = [];
  private atMs: number | undefined;

  constructor(onRemove: (path: string) => void) {
    this.onRemove = onRemove;
  }

  build(tags: readonly LegendTag[]): void {
    this.entries = tags.map((tag) => ({ tag, value: el('b', { class: 'number' }, NOTHING) }));
    const items = this.entries.map(({ tag, value }) => {
      const remove = el(
        'button',
        { type: 'button', class: 'remove', 'aria-label': `Remove ${tag.name} from the trend` },
        icon('close'),
      );
      remove.addEventListener('click', () => this.onRemove(tag.path));
      const unit = el('span', { class: 'unit' }, formatUnit(tag.unit));
      return el(
        'li',
        { class: 'entry', 'data-line': String(tag.number), title: tag.path },
        el('span', { class: 'swatch' }),
        el('span', { class: 'name' }, tag.name),
        value,
        unit,
        remove,
      );
    });
    this.place.replaceChildren(...items, this.time);
  }

  /** The cursor points at a time, or at none. */
  point(atMs: number | undefined, columns: ReadonlyMap<string, Columns>, store: TagStore): void {
    this.atMs = atMs;
    this.show(columns, store);
  }

  show(columns: ReadonlyMap<string, Columns>, store: TagStore): void {
    const { atMs } = this;
    setText(this.time, atMs === undefined ? '' : formatDateTime(atMs));
    for (const { tag, value } of this.entries) {
      const state = store.get(tag.path);
      const decimals = state?.decimals ?? 2;
      if (atMs === undefined) {
        setText(
          value,
          state === undefined || Number.isNaN(state.timeMs) ? NOTHING : formatValue(state.value, decimals),
        );
        continue;
      }
      const there = columns.get(tag.path);
      const seen = there === undefined ? undefined : valueAt(there, atMs);
      const shown = state?.type === 'boolean' && seen !== null && seen !== undefined ? seen !== 0 : seen;
      setText(value, seen === null ? 'gap' : formatValue(shown, decimals));
    }
  }
}
