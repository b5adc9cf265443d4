import { setTimeout as pause } from 'node:timers/promises';
import { MessageChannel, type MessagePort } from 'node:worker_threads';
import type { RawValue } from '../../connectors/contract.ts';
import type { HistorianClient } from '../../historian/client.ts';
import type { SampleHistory } from '../../historian/queries/history.ts';
import type { Clock } from '../core/clock.ts';
import { Fault } from '../core/fault.ts';
import { Flag } from '../core/flags.ts';
import { Tally } from '../core/ledger.ts';
import type { Log } from '../core/log.ts';
import type { Producer } from '../core/producer.ts';
import { type Sample, type TagType, ValueKind } from '../core/sample.ts';
import { HISTORY_TOPICS } from '../core/topics.ts';
import { DuplicateFilter } from '../intake/duplicate-filter.ts';
import { Intake } from '../intake/intake.ts';
import { type KnownTag, TagTable } from '../intake/tag-table.ts';
import type { LedgerBook } from '../ledger/book.ts';
import type { TagQuestion, TagRegistrar } from '../tags/registrar.ts';
import type { ChunkTag, ImportAnswer, ImportChunk } from './chunk.ts';
import { repeated, storedOf } from './stored.ts';

/** Stands in the ledger and with new tags as the connector of what was imported. */
const IMPORT_CONNECTOR = 'import';
/** Samples that are taken in without letting anybody else have the thread. */
const TURN_SAMPLES = 2000;
/** Tags of one question for their spans. */
const SUMMARY_TAGS = 1000;
/** The historian is waited for at most so long. */
const CATCH_UP_MS = 60_000;
/** The historian knows what is there already; what repeats itself at once is found on the way. */
const REMEMBERED = 1000;

/** What imports are taken in with: the parts of the running gateway. */
export interface TakingOptions {
  readonly site: string;
  /** `clock.ahead`, ms. */
  readonly aheadMs: number;
  readonly log: Log;
  readonly registrar: TagRegistrar;
  readonly book: LedgerBook;
  readonly historian: Pick<HistorianClient, 'applied' | 'state' | 'page' | 'summaries'>;
  /** The historian and the cold tier, which may have what the historian has given up; undefined: there is no tier. */
  readonly tiered: Pick<SampleHistory, 'page'> | undefined;
  readonly clock: Clock;
}

interface Parts {
  readonly intake: Intake;
  readonly tags: TagTable;
  readonly tally: Tally;
  readonly producer: Producer;
  readonly ports: readonly MessagePort[];
}

/** First and last time, µs. */
interface Span {
  readonly firstUs: number;
  readonly lastUs: number;
}

/** Rows of one tag, in the order of their times. */
interface TagRows {
  readonly tag: ChunkTag;
  readonly rows: number[];
}

/**
 * Takes chunks of imports into the log, each sample once: what the historian has already is left out, whoever brought it and when. Samples get the flag `backfilled`. One chunk at a time; a sample is looked for only
 * when the historian knows everything that was durable before, so that also what an import that was killed has left half-done is found.
 */
export class ImportTaking {
  private readonly options: TakingOptions;
  private parts: Parts | undefined;
  private turn: Promise<unknown> = Promise.resolve();
  private closed = false;

  constructor(options: TakingOptions) {
    this.options = options;
  }

  /** Takes a chunk in; resolves when all of it is durable. Throws `not-ready`, and what the log and the dictionary throw. */
  take(chunk: ImportChunk): Promise<ImportAnswer> {
    const taken = this.turn.then(() => this.takeNow(chunk));
    // The next one does not end with it.
    this.turn = taken.catch(() => undefined);
    return taken;
  }

  /** Waits for what is under way, and takes nothing any more. */
  async stop(): Promise<void> {
    this.closed = true;
    await this.turn;
    const { parts } = this;
    if (parts === undefined) return;
    parts.producer.close();
    for (const port of parts.ports) port.close();
  }

  private async takeNow(chunk: ImportChunk): Promise<ImportAnswer> {
    if (this.closed) throw new Fault('not-ready', 'The gateway is stopping.');
    this.parts ??= this.open();
    const { tags } = this.parts;
    const refused: ImportAnswer['refused'][number][] = [];
    const known = await this.learn(tags, chunk, refused);
    await this.caughtUp();
    const groups = rowsByTag(chunk, known);
    const summaries = await this.summaries(groups);
    const history = this.options.tiered ?? this.options.historian;
    const wanted: number[] = [];
    let duplicate = 0;
    for (const { tag, rows } of groups) {
      const path = tags.absolute(tag.tag);
      const samples = rows.map((row) => sampleAt(chunk, row, tags.known(tag.tag)?.type ?? null));
      // Beyond everything that is stored nothing needs to be asked.
      const stored = this.isBeyond(samples, summaries.get(path))
        ? repeated(samples)
        : await storedOf(history, path, samples);
      const here = rows.filter((_, i) => stored[i] !== true);
      duplicate += rows.length - here.length;
      this.noteDuplicates(path, rows.length - here.length);
      wanted.push(...here);
    }
    // In the order of the file, so that of two values at one time the later one stays the later one.
    wanted.sort((a, b) => a - b);
    await this.append(chunk, wanted);
    return { logged: wanted.length, duplicate, refused };
  }

  /** Whether all of these samples, in the order of their times, lie where nothing is stored of their tag. */
  private isBeyond(samples: readonly Sample[], stored: Span | undefined): boolean {
    const isTiered = this.options.tiered !== undefined;
    if (stored === undefined) return !isTiered;
    const [firstUs, lastUs] = [samples[0]?.timeUs ?? 0, samples.at(-1)?.timeUs ?? 0];
    return firstUs > stored.lastUs || (lastUs < stored.firstUs && !isTiered);
  }

  private open(): Parts {
    const { site, aheadMs, log, registrar, book, clock } = this.options;
    const { port1, port2 } = new MessageChannel();
    registrar.serve(port1);
    const tags = new TagTable(site, port2).start();
    for (const port of [port1, port2]) port.unref();
    const producer = log.producer();
    const tally = new Tally(IMPORT_CONNECTOR);
    const intake = new Intake({
      connector: IMPORT_CONNECTOR,
      clock,
      producer,
      tags,
      duplicates: new DuplicateFilter(REMEMBERED),
      tally,
      aheadMs,
      ignoreDeviceTime: false,
      onDurable: (ranges) => book.apply(tally.take(), ranges),
      // Whoever waits for it learns it there.
      onFailed: () => undefined,
      onQuarantined: () => undefined,
      onProblem: () => undefined,
    });
    return { intake, tags, tally, producer, ports: [port1, port2] };
  }

  /** Makes the tags of a chunk known, and tells which of them take its values; what the others have is refused. */
  private async learn(
    tags: TagTable,
    chunk: ImportChunk,
    refused: ImportAnswer['refused'][number][],
  ): Promise<boolean[]> {
    const wanted = new Map<string, Omit<TagQuestion, 'path'>>();
    for (const { tag, type, unit, class: tagClass, source } of chunk.tags) {
      const known = tags.known(tag);
      if (
        known !== undefined &&
        (known.type !== null || type === null) &&
        (unit === undefined || known.unit !== undefined)
      )
        continue;
      const kind = type === null ? ValueKind.null : ValueKind[type];
      wanted.set(tag, { kind, unit, class: tagClass, connector: IMPORT_CONNECTOR, source });
    }
    const refusals =
      wanted.size === 0 ? new Map<string, never>() : await tags.learn(wanted, this.options.clock.monotonicMs());
    const problems = chunk.tags.map(({ tag, type }) => {
      const refusal = refusals.get(tag);
      if (refusal !== undefined) return { reason: refusal.problem, detail: refusal.detail };
      const known = tags.known(tag);
      return known === undefined || takes(known, type)
        ? undefined
        : { reason: 'type-differs', detail: `The tag ${known.path} has the type ${known.type}.` };
    });
    for (const [row, place] of chunk.tag.entries()) {
      const problem = problems[place];
      if (problem !== undefined) refused.push({ row, ...problem });
    }
    return problems.map((problem) => problem === undefined);
  }

  /** Waits until the historian has all that is durable now. Throws `not-ready`. */
  private async caughtUp(): Promise<void> {
    const { log, historian, clock } = this.options;
    const ends = HISTORY_TOPICS.map((topic) => [topic, log.ends.end(topic)] as const);
    const limitMs = clock.monotonicMs() + CATCH_UP_MS;
    for (;;) {
      const applied = historian.applied();
      if (historian.state().running && ends.every(([topic, end]) => (applied[topic] ?? 0) >= end)) return;
      if (this.closed || clock.monotonicMs() > limitMs)
        throw new Fault('not-ready', 'The historian does not follow the log.');
      await pause(1);
    }
  }

  /** Spans of what is stored, by path. */
  private async summaries(groups: readonly TagRows[]): Promise<Map<string, Span>> {
    const { site, historian } = this.options;
    const spans = new Map<string, Span>();
    for (let at = 0; at < groups.length; at += SUMMARY_TAGS) {
      const paths = groups.slice(at, at + SUMMARY_TAGS).map(({ tag }) => `${site}/${tag.tag}`);
      for (const { tag, firstUs, lastUs } of await historian.summaries(paths)) spans.set(tag, { firstUs, lastUs });
    }
    return spans;
  }

  private noteDuplicates(path: string, count: number): void {
    if (count === 0 || this.parts === undefined) return;
    this.parts.tally.add(path, 'received', count);
    this.parts.tally.add(path, 'duplicate', count);
  }

  /** Appends rows; resolves when they are durable. */
  private async append(chunk: ImportChunk, rows: readonly number[]): Promise<void> {
    const { intake } = this.parts ?? this.open();
    for (let at = 0; at < rows.length; at += TURN_SAMPLES) {
      const values = rows.slice(at, at + TURN_SAMPLES).map((row) => rawAt(chunk, row));
      const source = chunk.tags[0]?.source ?? '';
      const readings = [
        { type: 'message' as const, source, address: '', original: new Uint8Array(0), values, problems: [] },
      ];
      await intake.process({ readings, acknowledge: () => undefined });
    }
    // Also what was only counted.
    if (rows.length === 0) this.options.book.apply(this.parts?.tally.take() ?? [], []);
    await intake.drained();
  }
}

/** Whether a tag takes values of this type: its own, or numbers where it has doubles. */
function takes(tag: KnownTag, type: TagType | null): boolean {
  return (
    type === null ||
    tag.type === null ||
    tag.type === type ||
    (tag.type === 'double' && (type === 'long' || type === 'float'))
  );
}

/** Rows of each tag that is taken, in the order of their times; of equal times in the order of the file. */
function rowsByTag(chunk: ImportChunk, taken: readonly boolean[]): TagRows[] {
  const groups = chunk.tags.map((tag) => ({ tag, rows: [] as number[] }));
  for (const [row, place] of chunk.tag.entries()) if (taken[place] === true) groups[place]?.rows.push(row);
  const { timeUs } = chunk;
  for (const { rows } of groups) rows.sort((a, b) => (timeUs[a] ?? 0) - (timeUs[b] ?? 0) || a - b);
  return groups.filter(({ rows }) => rows.length > 0);
}

function rawAt(chunk: ImportChunk, row: number): RawValue {
  const { tag = '', type = null, unit, class: tagClass } = chunk.tags[chunk.tag[row] ?? 0] ?? {};
  const { kind, value, quality } = valueAt(chunk, row);
  return {
    tag,
    kind,
    value,
    declared: type,
    ...(unit === undefined ? {} : { unit }),
    ...(tagClass === undefined ? {} : { class: tagClass }),
    timeUs: chunk.timeUs[row] ?? 0,
    quality,
    flags: Flag.backfilled,
  };
}

function valueAt({ kinds, values, quality }: ImportChunk, row: number): Pick<Sample, 'kind' | 'value' | 'quality'> {
  return { kind: (kinds[row] ?? 0) as ValueKind, value: values[row] ?? null, quality: quality[row] ?? 0 };
}

/** A row as the historian would have it. */
function sampleAt(chunk: ImportChunk, row: number, type: TagType | null): Sample {
  const { kind, value, quality } = valueAt(chunk, row);
  const widened = type === 'double' && (kind === ValueKind.long || kind === ValueKind.float);
  const timeUs = chunk.timeUs[row] ?? 0;
  return {
    timeUs,
    kind: widened ? ValueKind.double : kind,
    value,
    quality,
    flags: Flag.backfilled,
    serverTimeUs: null,
  };
}
