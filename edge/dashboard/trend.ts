import { Chart } from './chart.ts';
import { byId, el, icon, setAttribute, setText } from './dom.ts';
import { formatDateTime } from './format.ts';
import { isDrawable, loadHistory, trendValue } from './history-source.ts';
import { Legend } from './legend.ts';
import { MissingView } from './missing.ts';
import { sayError } from './request.ts';
import { StartInput } from './start-input.ts';
import type { TagState, TagStore } from './tag-store.ts';
import { joined, keepChoice, RANGES, readChoice, toggled } from './trend-choice.ts';
import { appendSample, chartColumns, type Columns, emptyColumns, panned, type Span, zoomed } from './trend-data.ts';

/** History is asked for again so often while the trend follows: points take the place of single samples. */
const RELOAD_MS = 60_000;
const DRAW_MS = 250;
const ZOOM = 1.6;
const PAN = 0.25;

export interface TrendHooks {
  readonly nowMs: () => number;
  /** Other tags are drawn now. */
  readonly onChosen: (paths: readonly string[]) => void;
}

/** The chart with its tags, its span and its controls. */
export class TrendView {
  private readonly store: TagStore;
  private readonly hooks: TrendHooks;
  private readonly place = byId('chart');
  private readonly note = el('p', { class: 'note', role: 'status' });
  private readonly legend: Legend;
  private readonly missing = new MissingView();
  private readonly start: StartInput;
  private readonly live: HTMLButtonElement;
  private readonly ranges: readonly HTMLButtonElement[];
  private columns = new Map<string, Columns>();
  private chart: Chart | undefined;
  private chosen: readonly string[];
  private rangeMs: number;
  /** Undefined: the trend follows the present. */
  private frozen: Span | undefined;
  private beforeMove: Span | undefined;
  private loading: AbortController | undefined;
  private reloadAtMs = Infinity;
  private drawing: number | undefined;
  private problem = '';

  constructor(store: TagStore, hooks: TrendHooks) {
    this.store = store;
    this.hooks = hooks;
    ({ tags: this.chosen, rangeMs: this.rangeMs } = readChoice(localStorage));
    this.legend = new Legend((path) => this.choose(toggled(this.chosen, path)));
    this.place.append(this.note);
    this.ranges = RANGES.map(({ name, ms }) => this.button('ranges', name, () => this.resize(ms)));
    this.start = new StartInput((fromMs) => this.goTo(fromMs));
    const moves: [name: string, label: string, action: () => void][] = [
      ['left', 'Earlier', () => this.pan(-PAN)],
      ['right', 'Later', () => this.pan(PAN)],
      ['minus', 'Longer span', () => this.zoom(ZOOM)],
      ['plus', 'Shorter span', () => this.zoom(1 / ZOOM)],
    ];
    for (const [name, label, action] of moves) this.button('moves', label, action, name);
    this.live = this.button('moves', 'Now', () => this.follow(this.rangeMs));
    this.place.addEventListener('keydown', (event) => this.key(event));
    matchMedia('(prefers-color-scheme: dark)').addEventListener('change', () => this.rebuild());
    this.rebuild();
  }

  get tags(): readonly string[] {
    return this.chosen;
  }

  /** The connection is there (again), and the tags are known: draws what was chosen, or these. */
  begin(otherwise: readonly string[]): void {
    const known = this.chosen.filter((path) => this.store.get(path) !== undefined);
    this.choose(known.length > 0 || otherwise.length === 0 ? known : otherwise);
  }

  toggle(path: string): void {
    this.choose(toggled(this.chosen, path));
  }

  /** Adds tags, and brings the chart into view. */
  add(paths: readonly string[]): void {
    this.choose(joined(this.chosen, paths));
    this.place.scrollIntoView({ block: 'nearest', behavior: 'smooth' });
  }

  /** New samples of some tags. A trend that stands in the past has all of its own. */
  take(changed: readonly TagState[]): void {
    if (this.frozen !== undefined) return;
    for (const { path, timeMs, value, quality } of changed) {
      const columns = this.columns.get(path);
      if (columns !== undefined) appendSample(columns, timeMs, trendValue(value, quality));
    }
  }

  /** A second has gone by. */
  tick(): void {
    if (this.frozen === undefined && performance.now() >= this.reloadAtMs) void this.load();
    this.draw();
  }

  private choose(paths: readonly string[]): void {
    this.chosen = paths;
    this.rebuild();
    this.changed();
    this.hooks.onChosen(paths);
  }

  private follow(rangeMs: number): void {
    this.rangeMs = rangeMs;
    this.frozen = undefined;
    this.changed();
  }

  /** So long a span: of the present, or from where the trend stands. */
  private resize(rangeMs: number): void {
    this.rangeMs = rangeMs;
    if (this.frozen !== undefined) this.goTo(this.frozen.fromMs);
    else this.changed();
  }

  /** The span from this time on; never beyond the present. */
  private goTo(fromMs: number): void {
    const toMs = Math.min(fromMs + this.rangeMs, this.endMs());
    this.freeze({ fromMs: toMs - this.rangeMs, toMs });
  }

  /** The clock of the site is known, or is another. */
  useClock(): void {
    this.rebuild();
  }

  private freeze(span: Span): void {
    this.frozen = span;
    this.changed();
  }

  private zoom(factor: number): void {
    const span = zoomed(this.span(), factor);
    const beyond = Math.max(0, span.toMs - this.endMs());
    this.freeze({ fromMs: span.fromMs - beyond, toMs: span.toMs - beyond });
  }

  private pan(part: number): void {
    this.freeze(panned(this.span(), part, this.endMs()));
  }

  private move(byMs: number, done: boolean): void {
    this.beforeMove ??= this.span();
    const { fromMs, toMs } = this.beforeMove;
    this.frozen = panned(this.beforeMove, byMs / (toMs - fromMs), this.endMs());
    if (done) this.beforeMove = undefined;
    if (done) this.changed();
    else this.draw();
  }

  private changed(): void {
    keepChoice(localStorage, { tags: this.chosen, rangeMs: this.rangeMs });
    const following = this.frozen === undefined;
    const { fromMs, toMs } = this.span();
    for (const [at, button] of this.ranges.entries()) {
      setAttribute(button, 'aria-pressed', String(RANGES[at]?.ms === Math.round(toMs - fromMs)));
    }
    this.live.disabled = following;
    void this.load();
    this.draw();
  }

  /** The newest that there is to show: the present, or where delayed data has come to. */
  private endMs(): number {
    const now = this.hooks.nowMs();
    const tags = this.chosen.flatMap((path) => this.store.get(path) ?? []);
    const times = tags.filter((tag) => tag.behind(now) !== undefined).map(({ timeMs }) => timeMs);
    return times.length === 0 ? now : Math.max(...times);
  }

  private span(): Span {
    const toMs = this.endMs();
    return this.frozen ?? { fromMs: toMs - this.rangeMs, toMs };
  }

  private async load(): Promise<void> {
    this.loading?.abort();
    const loading = new AbortController();
    this.loading = loading;
    this.reloadAtMs = performance.now() + RELOAD_MS;
    const chosen = this.chosen.filter((path) => isDrawable(this.store.get(path)?.type ?? null));
    if (this.chosen.length === 0) return;
    const { fromMs, toMs } = this.span();
    // A little more on both sides, so that lines go through the edges.
    const room = (toMs - fromMs) * 0.02;
    const span = { fromMs: fromMs - room, toMs: toMs + room };
    try {
      const points = Math.ceil(this.chart?.width ?? 800);
      const { columns, missing } = await loadHistory(chosen, span, points, loading.signal);
      this.columns = new Map(chosen.map((path) => [path, this.continued(columns.get(path) ?? emptyColumns(), path)]));
      this.missing.show(
        missing,
        this.chosen.filter((path) => !chosen.includes(path)),
      );
      this.problem = '';
    } catch (error) {
      if (loading.signal.aborted) return;
      this.problem = `The history cannot be shown. ${sayError(error)}`;
    }
    this.draw();
  }

  /** History, and behind it the samples that have come since it was asked for. */
  private continued(history: Columns, path: string): Columns {
    const since = this.columns.get(path) ?? emptyColumns();
    if (this.frozen !== undefined) return history;
    for (const [at, time] of since.times.entries()) appendSample(history, time, since.last[at] ?? null);
    return history;
  }

  private rebuild(): void {
    this.chart?.close();
    this.chart = undefined;
    const tags = this.chosen.map((path, at) => {
      const tag = this.store.get(path);
      return { path, name: tag?.name ?? path, unit: tag?.unit ?? null, type: tag?.type ?? null, number: at + 1 };
    });
    this.legend.build(tags);
    if (tags.length > 0)
      this.chart = new Chart(this.place, tags, {
        onZoom: (span) => this.freeze(zoomed(span, 1)),
        onMove: (byMs, done) => this.move(byMs, done),
        onReset: () => this.follow(this.rangeMs),
        onCursor: (timeMs) => this.legend.point(timeMs, this.columns, this.store),
      });
    this.draw();
  }

  private draw(): void {
    this.drawing ??= window.setTimeout(() => {
      this.drawing = undefined;
      this.drawNow();
    }, DRAW_MS / 2);
  }

  private drawNow(): void {
    const columns = this.chosen.map((path) => this.columns.get(path) ?? emptyColumns());
    const span = this.span();
    this.start.show(span.fromMs);
    this.chart?.draw(chartColumns(columns), span);
    this.legend.show(this.columns, this.store);
    const points = columns.reduce((sum, { times }) => sum + times.length, 0);
    setText(this.note, this.noteText(points));
    const names = this.chosen.map((path) => this.store.get(path)?.name ?? path).join(', ');
    const label = `Trend of ${names} from ${formatDateTime(span.fromMs)} to ${formatDateTime(span.toMs)}`;
    setAttribute(this.place, 'aria-label', names === '' ? 'Trend of no tag' : label);
    setAttribute(this.place, 'data-points', String(points));
  }

  private noteText(points: number): string {
    if (this.problem !== '') return this.problem;
    if (this.chosen.length === 0) return 'Choose values below to draw them here.';
    return points === 0 ? 'No samples in this span. Choose a longer one, or go to now.' : '';
  }

  private key(event: KeyboardEvent): void {
    const actions: Readonly<Record<string, () => void>> = {
      ArrowLeft: () => this.pan(-PAN),
      ArrowRight: () => this.pan(PAN),
      '+': () => this.zoom(1 / ZOOM),
      '=': () => this.zoom(1 / ZOOM),
      '-': () => this.zoom(ZOOM),
      Home: () => this.follow(this.rangeMs),
      Escape: () => this.follow(this.rangeMs),
    };
    const action = actions[event.key];
    if (action === undefined || event.ctrlKey || event.metaKey || event.altKey) return;
    event.preventDefault();
    action();
  }

  private button(place: string, label: string, action: () => void, iconName?: string): HTMLButtonElement {
    const button = el(
      'button',
      { type: 'button', class: 'button small' },
      iconName === undefined ? label : icon(iconName),
    );
    if (iconName !== undefined) {
      button.setAttribute('aria-label', label);
      button.title = label;
    }
    button.addEventListener('click', action);
    byId(place).append(button);
    return button;
  }
}
