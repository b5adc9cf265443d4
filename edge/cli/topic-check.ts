import path from 'node:path';
import { BatchScanner } from '../core/batch-scanner.ts';
import { readCheckpoint } from '../core/checkpoint-file.ts';
import { type Disk, readFile } from '../core/disk.ts';
import { errnoOf, Fault } from '../core/fault.ts';
import { parseIdentity } from '../core/log-identity.ts';
import type { BatchHeader } from '../core/record-batch.ts';
import { RecordCursor } from '../core/record-cursor.ts';
import { SampleReader } from '../core/sample-codec.ts';
import { listSegments, segmentFile, topicFolder } from '../core/segment-files.ts';
import { IndexCheck } from './index-check.ts';

/** Something that is not as FORMAT.md says. */
interface LogProblem {
  readonly file: string;
  /** Byte in the file. */
  readonly position: number;
  readonly what: string;
}

/** What was found in one topic. */
export interface TopicReport {
  readonly topic: string;
  segments: number;
  batches: number;
  records: number;
  /** Records that should be there and cannot be read. */
  lost: number;
  readonly problems: LogProblem[];
}

export interface TopicCheckOptions {
  readonly logFolder: string;
  readonly topic: string;
  /** First offset that it need not hold yet. Nothing behind it is looked at: a running gateway is just writing there. */
  readonly end: number;
  /** A gateway runs: old segments may vanish, and the last index may be behind. */
  readonly live: boolean;
}

/** More problems than this are counted in `lost` alone. */
const MAX_PROBLEMS = 1000;

/** Checks all of a topic: continuity, checksums, records, samples, indexes. */
export class TopicCheck {
  readonly report: TopicReport;
  private readonly disk: Disk;
  private readonly options: TopicCheckOptions;
  private readonly folder: string;
  /** No batch has a later one: of the log. */
  private readonly lastEpoch: number;
  private epoch = 0;
  private readonly cursor = new RecordCursor();
  private readonly sample = new SampleReader();

  constructor(disk: Disk, options: TopicCheckOptions) {
    this.disk = disk;
    this.options = options;
    this.folder = topicFolder(options.logFolder, options.topic);
    this.lastEpoch = logEpoch(disk, options.logFolder);
    this.report = { topic: options.topic, segments: 0, batches: 0, records: 0, lost: 0, problems: [] };
  }

  /** Runs the check; yields the bytes of each batch, for progress. */
  *run(): Generator<number, void> {
    const { end, live } = this.options;
    const bases = listSegments(this.disk, this.folder);
    let expected = this.start(bases);
    for (const [i, base] of bases.entries()) {
      if (base >= end && i > 0) break;
      if (base > expected) this.missing(base, expected, base);
      const segmentEnd = Math.min(bases[i + 1] ?? end, end);
      try {
        yield* this.checkSettled(base, segmentEnd, i === bases.length - 1);
      } catch (error) {
        // Deleted by retention since the folder was listed.
        if (errnoOf(error) !== 'ENOENT' || !live) throw error;
      }
      expected = segmentEnd;
    }
    if (bases.length === 0 && end > expected) this.missing(expected, expected, end);
  }

  /** First offset that the log should hold. Asked after the segments were listed: retention puts it on record before it deletes. */
  private start(bases: readonly number[]): number {
    const file = path.join(this.options.logFolder, 'log-start-offset-checkpoint');
    return readCheckpoint(this.disk, file).get(this.options.topic) ?? bases[0] ?? 0;
  }

  private missing(base: number, from: number, to: number): void {
    this.report.lost += Math.max(to - from, 0);
    this.problem(segmentFile(this.folder, base, 'log'), 0, `records ${from} to ${to - 1} are in no segment`);
  }

  private problem(file: string, position: number, what: string): void {
    const { problems } = this.report;
    if (problems.length < MAX_PROBLEMS) problems.push({ file: path.relative('', file), position, what });
  }

  /** A gateway that runs may repack a segment while it is looked at: the old batches beside the new indexes, or none. So what is wrong is looked at once more. */
  private *checkSettled(base: number, end: number, last: boolean): Generator<number, void> {
    const { report, epoch } = this;
    const { problems, ...counts } = report;
    const known = problems.length;
    yield* this.checkSegment(base, end, last);
    if (!this.options.live || problems.length === known) return;
    problems.length = known;
    Object.assign(report, counts);
    this.epoch = epoch;
    yield* this.checkSegment(base, end, last);
  }

  private *checkSegment(base: number, end: number, last: boolean): Generator<number, void> {
    const file = segmentFile(this.folder, base, 'log');
    const fd = this.disk.open(file, 'r');
    try {
      this.report.segments++;
      const index = new IndexCheck(this.disk, this.folder, base, (name, position, what) =>
        this.problem(name, position, what),
      );
      const scanned = yield* this.walk(new BatchScanner(this.disk, fd), { file, base, end, index });
      index.finish(scanned, last, this.options.live);
    } finally {
      this.disk.close(fd);
    }
  }

  /** Follows the batches and returns the position behind the last one. */
  private *walk(
    scanner: BatchScanner,
    { file, base, end, index }: { file: string; base: number; end: number; index: IndexCheck },
  ): Generator<number, number> {
    let position = 0;
    for (let expected = base; expected < end;) {
      const found = scanner.at(position, expected);
      if (found.kind === 'batch') {
        const { header } = found;
        if (found.repairedFrom !== undefined)
          this.problem(file, position, `the base offset is ${found.repairedFrom}, not ${expected}`);
        if (header.epoch < this.epoch || header.epoch > this.lastEpoch)
          this.problem(
            file,
            position,
            `the leader epoch is ${header.epoch}, not from ${this.epoch} to ${this.lastEpoch}`,
          );
        else this.epoch = header.epoch;
        this.checkRecords(scanner.bytes(position, header.bytes), header, found.repairedFrom, { file, position });
        index.batch(header, position);
        expected = header.baseOffset + header.count;
        position += header.bytes;
        yield header.bytes;
        continue;
      }
      const next = found.kind === 'bad' ? scanner.resynchronise(position, expected, end) : undefined;
      const resumed = Math.min(next?.header.baseOffset ?? end, end);
      const why = found.kind === 'bad' ? `no valid batch (${found.problem})` : 'the segment ends';
      this.problem(file, position, `${why}: records ${expected} to ${resumed - 1} cannot be read`);
      this.report.lost += resumed - expected;
      index.skip(position, next?.position ?? Infinity);
      if (next === undefined) return position;
      position = next.position;
      expected = next.header.baseOffset;
    }
    return position;
  }

  private checkRecords(
    bytes: Uint8Array,
    header: BatchHeader,
    written: number = header.baseOffset,
    { file, position }: { file: string; position: number },
  ): void {
    const { cursor, report } = this;
    report.batches++;
    report.records += header.count;
    try {
      cursor.open(bytes, 0);
      for (let expected = written; cursor.next(); expected++) {
        if (cursor.offset !== expected) {
          throw new Fault('batch-malformed', `Record ${expected} says offset ${cursor.offset}.`);
        }
        if (this.holdsSamples && cursor.valueStart >= 0) {
          this.sample.read(cursor.data, cursor.valueStart, cursor.valueEnd);
        }
      }
    } catch (error) {
      if (!(error instanceof Fault)) throw error;
      this.problem(file, position, `the batch of record ${header.baseOffset}: ${error.detail}`);
    }
  }

  private get holdsSamples(): boolean {
    return /^(samples($|\.)|derived$)/.test(this.options.topic);
  }
}

/** Epoch of the log in a folder; without bound for a copy, which has no identity. */
function logEpoch(disk: Disk, logFolder: string): number {
  const file = path.join(logFolder, 'millrace.json');
  const bytes = readFile(disk, file);
  return bytes === undefined ? Infinity : parseIdentity(file, bytes).epoch;
}
