import { drawing, el, icon, setAttribute, setIcon, setText } from './dom.ts';
import { formatSpan, formatUnit, formatValue } from './format.ts';
import { qualityText } from './quality.ts';
import { SPARK_HEIGHT, SPARK_WIDTH, sparkPath } from './sparkline.ts';
import type { TagState } from './tag-store.ts';

/** One tag on the page: a button that puts it on the trend. */
export class TagRow {
  readonly root: HTMLButtonElement;
  readonly tag: TagState;
  private readonly value = el('span', { class: 'number' });
  private readonly state = el('span', { class: 'state' });
  private readonly mark = icon('warn');
  private readonly path: SVGPathElement;

  constructor(tag: TagState, onChoose: (path: string) => void) {
    this.tag = tag;
    const { svg, path } = drawing('spark', SPARK_WIDTH, SPARK_HEIGHT);
    this.path = path;
    const meta = el('span', { class: 'meta' }, el('span', { class: 'protocol' }, tag.protocol), this.mark, this.state);
    const unit = el('span', { class: 'unit' }, formatUnit(tag.unit));
    this.root = el(
      'button',
      { class: 'tag', type: 'button', 'aria-pressed': 'false', 'data-tag': tag.path },
      el('span', { class: 'name' }, tag.name),
      meta,
      svg,
      el('span', { class: 'reading' }, this.value, unit),
    );
    this.root.addEventListener('click', () => onChoose(tag.path));
  }

  /** Shows the tag as it is now. */
  show(nowMs: number): void {
    const { tag, root } = this;
    const { severity } = tag;
    const stale = tag.staleFor(nowMs);
    const text = Number.isNaN(tag.timeMs) ? '–' : formatValue(tag.value, tag.decimals);
    setText(this.value, text);
    setText(this.state, stateOf(tag, stale, nowMs));
    setAttribute(root, 'data-quality', severity === 'good' ? undefined : severity);
    setAttribute(root, 'data-stale', stale === undefined && !Number.isNaN(tag.timeMs) ? undefined : '');
    setIcon(this.mark, severity === 'bad' ? 'bad' : severity === 'uncertain' ? 'uncertain' : 'clock');
    setAttribute(this.path, 'd', sparkPath(tag.recent));
    setAttribute(root, 'title', titleOf(tag));
  }

  /** Marks it as drawn in the trend, as line number `line` (from 1). */
  choose(line: number | undefined): void {
    setAttribute(this.root, 'aria-pressed', String(line !== undefined));
    setAttribute(this.root, 'data-line', line === undefined ? undefined : String(line));
  }
}

function stateOf(tag: TagState, stale: number | undefined, nowMs: number): string {
  const said: string[] = [];
  if (tag.severity !== 'good') said.push(qualityText(tag.quality));
  const behind = tag.behind(nowMs);
  if (Number.isNaN(tag.timeMs)) said.push('no value');
  else if (stale !== undefined) said.push(`${formatSpan(stale)} old`);
  else if (behind !== undefined) said.push(`${formatSpan(behind)} behind`);
  if (tag.clockSuspect) said.push('clock suspect');
  return said.join(', ');
}

function titleOf({ path, timeMs, connector }: TagState): string {
  const when = Number.isNaN(timeMs) ? 'no value' : new Date(timeMs).toISOString();
  return `${path}\n${when}${connector === '' ? '' : `\nfrom ${connector}`}`;
}
