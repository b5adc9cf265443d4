import { formatTime } from '../api/time-text.ts';
import type { ImportPlan, PlannedTag } from './plan.ts';
import { shownText, shownValue } from './shown-value.ts';

/** Tags that are listed for people. */
const SHOWN_TAGS = 50;

/** What would come, as plain data. */
export interface PlanView {
  readonly rows: number;
  readonly samples: number;
  readonly refused: number;
  readonly ignored: number;
  readonly tags: readonly PlanTagView[];
  readonly refusals: readonly {
    reason: string;
    count: number;
    first: readonly { file: string; line: number; name: string; text: string; detail: string }[];
  }[];
  readonly ambiguousHours: readonly { hour: string; first: number; second: number }[];
}

interface PlanTagView {
  readonly tag: string;
  readonly name: string;
  readonly new: boolean;
  readonly type: string | null;
  readonly unit: string | null;
  readonly samples: number;
  readonly from: string;
  readonly to: string;
  readonly example: {
    readonly line: number;
    readonly time: string;
    readonly value: string | null;
    readonly quality: number;
  };
}

/** The plan as plain data, tags in the order of their paths. */
export function planView(plan: ImportPlan): PlanView {
  const tags = [...plan.tags.values()].map(tagView).toSorted((a, b) => (a.tag < b.tag ? -1 : 1));
  const refusals = [...plan.refusals.values()].map(({ reason, count, first }) => {
    return {
      reason,
      count,
      first: first.map(({ file, line, name, text, detail }) => ({ file, line, name, text, detail })),
    };
  });
  const ambiguousHours = [...plan.ambiguousHours.values()].map(({ hourUs, first, second }) => ({
    hour: formatTime(hourUs),
    first,
    second,
  }));
  return {
    rows: plan.rows,
    samples: plan.samples,
    refused: plan.refusedRows,
    ignored: plan.passedOver,
    tags,
    refusals,
    ambiguousHours,
  };
}

function tagView({ name, samples, firstUs, lastUs, example }: PlannedTag): PlanTagView {
  return {
    tag: name.path,
    name: name.name,
    new: name.isNew,
    type: name.declared ?? null,
    unit: name.unit ?? null,
    samples,
    from: formatTime(firstUs),
    to: formatTime(lastUs),
    example: {
      line: example.line,
      time: formatTime(example.timeUs),
      value: example.value === null ? null : shownValue(example.value).slice(0, 60),
      quality: example.quality,
    },
  };
}

/** The plan for people. */
export function planText(
  view: PlanView,
  table: (header: readonly string[], rows: readonly (readonly (string | number)[])[]) => string,
): string {
  const { tags } = view;
  const count = (isNew: boolean): number => tags.filter((tag) => tag.new === isNew).length;
  const rows = tags
    .slice(0, SHOWN_TAGS)
    .map((tag) => [
      tag.tag,
      tag.name,
      tag.new ? 'new' : 'known',
      tag.type ?? '-',
      tag.unit ?? '',
      tag.samples,
      tag.from,
      tag.to,
      `line ${tag.example.line}: ${tag.example.value ?? 'null'} at ${tag.example.time}`,
    ]);
  const lines = [
    tags.length === 0
      ? ''
      : table(['tag', 'name', '', 'type', 'unit', 'samples', 'from', 'to', 'first sample'], rows).trimEnd(),
    tags.length > SHOWN_TAGS
      ? `… and ${(tags.length - SHOWN_TAGS).toLocaleString('en')} more tags; --json lists them all`
      : '',
    `${number(view.rows)} rows: ${number(view.samples)} samples of ${number(count(true))} new and ${number(count(false))} known tags, ${number(view.refused)} refused, ${number(view.ignored)} passed over`,
    ...view.refusals.flatMap(({ reason, count: refused, first }) => [
      `refused: ${reason}, ${number(refused)}`,
      ...first.map(({ file, line, name, text, detail }) => shownText(`  ${file}:${line}  ${name}  ${text}  ${detail}`)),
    ]),
    ...view.ambiguousHours.map(
      ({ hour, first, second }) =>
        `summer time ended: rows of the hour ${hour} had times that clocks showed twice; ${number(first)} were taken for the first, ${number(second)} for the second time (\`ambiguous\` in the map)`,
    ),
  ];
  return `${lines.filter((line) => line !== '').join('\n')}\n`;
}

function number(value: number): string {
  return value.toLocaleString('en');
}
