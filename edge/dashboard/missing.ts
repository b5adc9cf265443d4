import { byId, el, setChildren } from './dom.ts';
import { formatDateTime, plural } from './format.ts';
import { nameOf } from './grouping.ts';
import type { Missing } from './history-source.ts';

/** Spans that are told. */
const SHOWN = 3;

/** Why the historian has nothing to show, in words. */
const REASONS: Readonly<Record<string, string>> = {
  'no-value': 'no value',
  retention: 'samples may be missing: the log had let go of them before they were stored',
  'historian-damaged': 'samples may be missing: a file of the historian is damaged',
  expired: 'samples have expired',
  'tier-damaged': 'samples are missing: a file of the cold tier is damaged',
  'tier-missing': 'samples are missing: a file of the cold tier is gone',
};

/** Where the trend has nothing to draw, and why, below the chart. */
export class MissingView {
  private readonly place = byId('missing');

  /** `texts`: tags that were chosen and cannot be drawn. */
  show(missing: readonly Missing[], texts: readonly string[]): void {
    const lines = missingLines(missing).map(({ text, title }) => el('li', { title }, text));
    if (texts.length > 0)
      lines.unshift(el('li', {}, `${texts.map(nameOf).join(', ')}: a text cannot be drawn as a line.`));
    setChildren(this.place, lines);
    this.place.hidden = lines.length === 0;
  }
}

/** A line for each span, of all tags of which it is true; of many spans the longest. */
export function missingLines(missing: readonly Missing[]): { readonly text: string; readonly title: string }[] {
  const spans = new Map<string, { first: Missing; names: string[] }>();
  for (const gap of missing) {
    const key = `${gap.fromMs} ${gap.toMs} ${gap.reason}`;
    const known = spans.get(key);
    if (known === undefined) spans.set(key, { first: gap, names: [nameOf(gap.tag)] });
    else known.names.push(nameOf(gap.tag));
  }
  const byLength = [...spans.values()].toSorted((a, b) => lengthOf(b.first) - lengthOf(a.first));
  const shown = byLength.slice(0, SHOWN).toSorted((a, b) => a.first.fromMs - b.first.fromMs);
  const lines = shown.map(({ first, names }) => {
    const { reason, detail, fromMs, toMs } = first;
    const why = reason === null ? 'no good value' : (REASONS[reason] ?? reason);
    return { text: `${names.join(', ')}: ${why}, ${formatDateTime(fromMs)} to ${formatDateTime(toMs)}`, title: detail };
  });
  const more = byLength.length - shown.length;
  return more === 0 ? lines : [...lines, { text: `and ${plural(more, 'shorter span')}`, title: '' }];
}

function lengthOf({ fromMs, toMs }: Missing): number {
  return toMs - fromMs;
}
