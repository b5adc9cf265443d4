import os from 'node:os';
import { Command } from 'commander';
import { formatTime } from '../api/time-text.ts';
import { csvText } from '../api/value-text.ts';
import { parseDuration } from '../config/quantities.ts';
import { Fault } from '../core/fault.ts';
import { Comparing, type TagComparison } from '../import/comparing.ts';
import {
  type Compared,
  type ComparisonSink,
  type Difference,
  SampleComparer,
  StepComparer,
  type Tolerance,
} from '../import/differences.ts';
import { samplesIn } from '../import/here.ts';
import { type ImportJob, openSources } from '../import/importing.ts';
import { NameMap } from '../import/names.ts';
import type { ImportPlan } from '../import/plan.ts';
import { RowReader } from '../import/rows.ts';
import { shownValue } from '../import/shown-value.ts';
import type { SourceFile } from '../import/source.ts';
import { type GatewayClient, gatewayAt } from '../lock/gateway-client.ts';
import { Failure } from './failure.ts';
import { lookThrough, readingJob, type ReadingOptions, total, withReadingOptions } from './import.ts';
import { findConfig, withExample } from './options.ts';
import { jsonText, table, writeOutput } from './output.ts';
import { RateProgress } from './rate-progress.ts';
import { untilEnded } from './signals.ts';
import { openStoredHistory, type StoredHistory } from './stored-history.ts';

interface CompareOptions extends ReadingOptions {
  readonly tolerance: string;
  readonly timeTolerance: string;
  readonly steps?: boolean;
  readonly ignoreQuality?: boolean;
  readonly output?: string;
}

/** `millrace compare` */
export function compareCommand(): Command {
  const command = withReadingOptions(
    new Command('compare')
      .description(
        'Compares exports of another historian with this one over the span of the exports. Exit code 0 only if they say the same.',
      )
      .argument('<file...>', 'files as `millrace import` reads them; rows of a tag in the order of time'),
  )
    .option('--tolerance <number>', 'how far values may lie apart: a number, or a share such as 0.1%', '0')
    .option('--time-tolerance <time>', 'how far times may lie apart, such as 500ms', '0ms')
    .option('--steps', 'compare what each side holds at each time: for data reported by exception or compressed')
    .option('--ignore-quality', 'compare values alone; otherwise good, uncertain and bad are told apart')
    .option('-o, --output <file>', 'write every difference to a CSV file, which appears when it is whole')
    .action(compare);
  return withExample(
    command,
    'millrace compare march.csv --map old-historian.yaml --tolerance 0.01 -o differences.csv',
  );
}

async function compare(files: readonly string[], options: CompareOptions): Promise<void> {
  const tolerance = toleranceOf(options);
  const { config } = await findConfig(options);
  const job = await readingJob(files, options, config);
  const sources = await openSources(job);
  const compared = await untilEnded(async (signal) => {
    const plan = await lookThrough(job, sources, signal);
    const gateway = await gatewayAt(config.data);
    using stored = gateway === undefined && job.known.size > 0 ? openStoredHistory(config) : undefined;
    const differences = new Differences();
    const comparing = new Comparing({
      ...spanOf(plan),
      comparer: (sink: ComparisonSink) =>
        options.steps === true ? new StepComparer(tolerance, sink) : new SampleComparer(tolerance, sink),
      here:
        gateway !== undefined
          ? fromGateway(gateway, job, signal)
          : stored !== undefined
            ? fromFiles(stored, job, signal)
            : nothing,
      onDifference: (tag, difference) => differences.add(tag, difference),
    });
    try {
      const lines = differenceLines({ job, sources, plan, comparing, nearUs: tolerance.timeUs }, differences);
      await writeOutput(lines, options.output ?? os.devNull, signal);
    } finally {
      gateway?.close();
    }
    return comparing;
  });
  tell(compared, options);
}

/** Throws `usage`. */
function toleranceOf({ tolerance, timeTolerance, ignoreQuality = false }: CompareOptions): Tolerance {
  const match = /^(\d+(?:\.\d+)?(?:e[+-]?\d+)?)(%?)$/i.exec(tolerance.trim());
  if (match === null)
    throw new Fault(
      'usage',
      `--tolerance: ${JSON.stringify(tolerance)} is neither a number such as 0.01 nor a share such as 0.1%.`,
    );
  const ms = timeTolerance === '0' ? 0 : parseDuration(timeTolerance);
  if (ms === undefined)
    throw new Fault('usage', `--time-tolerance: ${JSON.stringify(timeTolerance)} is no time such as 500ms.`);
  const amount = Number(match[1]);
  const isShare = match[2] === '%';
  return { absolute: isShare ? 0 : amount, relative: isShare ? amount / 100 : 0, timeUs: ms * 1000, ignoreQuality };
}

function spanOf(plan: ImportPlan): { fromUs: number; lastUs: number } {
  let fromUs = Number.POSITIVE_INFINITY;
  let lastUs = Number.NEGATIVE_INFINITY;
  for (const tag of plan.tags.values()) {
    fromUs = Math.min(fromUs, tag.firstUs);
    lastUs = Math.max(lastUs, tag.lastUs);
  }
  return { fromUs, lastUs };
}

interface Comparison {
  readonly job: ImportJob;
  readonly sources: readonly SourceFile[];
  readonly plan: ImportPlan;
  readonly comparing: Comparing;
  /** `--time-tolerance`, µs. */
  readonly nearUs: number;
}

/** Compares, and gives every difference as a line of CSV. */
async function* differenceLines(
  { job, sources, plan, comparing, nearUs }: Comparison,
  differences: Differences,
): AsyncGenerator<string> {
  const types = new Map(
    [...plan.tags.values()].flatMap(({ name }) =>
      name.declared === undefined ? [] : [[name.name, name.declared] as const],
    ),
  );
  const reader = new RowReader({ ...job, names: new NameMap(job.site, job.map, job.known, types) });
  const progress = new RateProgress('comparing', total(sources), 'rows');
  let before = 0;
  try {
    yield DIFFERENCES_HEADER;
    for (const source of sources) {
      for await (const rows of reader.read(source, comparing)) {
        progress.update(before + source.position, rows);
        await comparing.compareSome(nearUs);
        yield differences.take();
      }
      before += source.bytes;
    }
    await comparing.finish();
    yield differences.take();
  } finally {
    progress.done();
  }
}

/** Samples of this historian: from the running gateway, or from its files. */
type Here = (tag: string, fromUs: number, toUs: number) => AsyncIterable<Compared>;

function fromGateway(gateway: GatewayClient, job: ImportJob, signal: AbortSignal): Here {
  return async function* here(tag, fromUs, toUs) {
    const known = job.known.get(tag.toLowerCase());
    if (known === undefined) return;
    const query = new URLSearchParams({ tag, from: formatTime(fromUs), to: formatTime(toUs) }).toString();
    const answer = await gateway.stream(`/api/v1/history?${query}`, { accept: 'text/csv', signal });
    yield* samplesIn(texts(answer), known.type);
  };
}

function fromFiles(stored: StoredHistory, job: ImportJob, signal: AbortSignal): Here {
  return async function* here(tag, fromUs, toUs) {
    if (!job.known.has(tag.toLowerCase())) return;
    for await (const page of stored.samplePages({ tags: [tag], fromUs, toUs, signal })) yield* page.samples();
  };
}

/** A historian without tags. */
async function* nothing(): AsyncGenerator<Compared> {}

async function* texts(pieces: AsyncIterable<Uint8Array>): AsyncGenerator<string> {
  const decoder = new TextDecoder();
  for await (const piece of pieces) yield decoder.decode(piece, { stream: true });
  yield decoder.decode();
}

const DIFFERENCES_HEADER = 'tag,time,what,there,quality_there,here,quality_here\n';

/** Every difference as a line of CSV. */
class Differences {
  private lines = '';

  add(tag: string, { what, timeUs, there, here }: Difference): void {
    const cells = [there, here].flatMap((sample) =>
      sample === null ? ['', ''] : [shownValue(sample.value), String(sample.quality)],
    );
    this.lines += `${[tag, formatTime(timeUs), what, ...cells].map(csvText).join(',')}\n`;
  }

  /** What was added since the last call. */
  take(): string {
    const { lines } = this;
    this.lines = '';
    return lines;
  }
}

function tell(comparing: Comparing, { json }: CompareOptions): void {
  const tags = [...comparing.tags.values()].toSorted((a, b) => (a.tag < b.tag ? -1 : 1));
  if (json === true) {
    const items = tags.map(({ first, ...counts }) => ({ ...counts, first: first.map(differenceView) }));
    process.stdout.write(jsonText({ equal: comparing.equal, refused: comparing.refusedCount, tags: items }));
  } else process.stdout.write(comparisonText(tags, comparing));
  if (!comparing.equal) throw new Failure(1);
}

function differenceView({ what, timeUs, there, here }: Difference) {
  return { what, time: formatTime(timeUs), there: sideView(there), here: sideView(here) };
}

function sideView(sample: Compared | null) {
  if (sample === null) return null;
  const { timeUs, value, quality } = sample;
  return { time: formatTime(timeUs), value: value === null ? null : shownValue(value), quality };
}

function comparisonText(tags: readonly TagComparison[], { equal, refusedCount }: Comparing): string {
  const rows = tags.map((tag) => [
    tag.tag,
    tag.there,
    tag.equal,
    tag.different,
    tag.missingHere,
    tag.missingThere,
    tag.unordered,
  ]);
  const lines = tags.flatMap(({ tag, first }) =>
    first.map(({ what, timeUs, there, here }) => {
      const [old, own] = [there, here].map((sample) =>
        sample === null ? '-' : `${shownValue(sample.value) || 'null'} (quality ${sample.quality})`,
      );
      return `${tag}  ${formatTime(timeUs)}  ${what}: there ${old}, here ${own}`;
    }),
  );
  const refused =
    refusedCount === 0
      ? []
      : [`${refusedCount.toLocaleString('en')} rows could not be read; \`millrace import --dry-run\` says why`];
  const end = equal ? 'Both say the same.' : 'They differ.';
  return `${table(['tag', 'there', 'equal', 'different', 'missing here', 'missing there', 'unordered'], rows)}${[...lines, ...refused, end].join('\n')}\n`;
}
