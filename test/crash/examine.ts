import { CrashDisk, type DiskImage } from '../../edge/core/kit/crash-disk.ts';
import { type Disk, readFile } from '../../edge/core/disk.ts';
import { numbered } from '../../edge/core/kit/log-kit.ts';
import { INDEX_INTERVAL_BYTES } from '../../edge/core/index-file.ts';
import { LogReader } from '../../edge/core/reader.ts';
import {
  BATCH_HEADER_BYTES,
  batchBaseOffset,
  batchCount,
  batchLength,
  batchMaxTimestampMs,
} from '../../edge/core/record-batch.ts';
import type { RecoveryReport } from '../../edge/core/recovery.ts';
import { listSegments, segmentFile, topicFolder } from '../../edge/core/segment-files.ts';
import { type Bounds, type Span, type TopicPromises, Violation } from './promises.ts';
import { checkSnapshot, readSnapshot, type Snapshot } from './snapshot.ts';
import { LOG_FOLDER, openLog, same, type SmallLog, type Smallness, TOPICS } from './small-log.ts';

/** What a log goes on with. */
const MORE = numbered(0, 3, { size: 20, timestampMs: 1_600_000_000_000 });
const MORE_RECORDS = 3;

/** What a recovery may find. */
export interface Allowed {
  /** By topic. */
  readonly bounds: readonly Bounds[];
  /** Of the snapshot. */
  readonly versions: readonly number[];
}

/** What it has found. */
export interface Recovered {
  readonly spans: readonly Span[];
  readonly snapshot: Snapshot;
}

/** Opens what a crash has left, and throws a `Violation` where it is not what was promised, or the log does not go on. Returns what was recovered. */
export function examine(
  image: DiskImage,
  promises: readonly TopicPromises[],
  { bounds, versions }: Allowed,
  smallness: Smallness,
  watch?: (disk: CrashDisk, published: () => boolean) => void,
): Recovered {
  const disk = CrashDisk.of(image);
  let published = false;
  watch?.(disk, () => published);
  const log = openLog(disk, smallness, 'a', { published: () => (published = true) });
  disk.before = undefined;
  const spans = spansOf(log);
  for (const [i, topic] of promises.entries()) {
    const span = spans[i];
    const bound = bounds[i];
    if (span === undefined || bound === undefined) continue;
    topic.check(span, bound);
    topic.checkBatches(readTopic(disk, log, topic.name, span.start), span);
  }
  for (const [topic, report] of Object.entries(log.reports)) noDamage(topic, report);
  for (let i = 0; i < 20; i++) log.writer.repairIndex();
  for (const [i, topic] of TOPICS.entries()) checkFiles(disk, topic, spans[i]?.end ?? 0);
  const snapshot = readSnapshot(disk);
  checkSnapshot(snapshot, spans, versions);
  goOn(disk, smallness, spans);
  return { spans, snapshot };
}

function spansOf({ ends }: SmallLog): Span[] {
  return TOPICS.map((topic) => ({ start: ends.start(topic), end: ends.end(topic) }));
}

function noDamage(topic: string, { damage }: RecoveryReport): void {
  if (damage.length > 0) throw new Violation(`${topic}: a power cut is reported as damage ${JSON.stringify(damage)}`);
}

/** All batches of a topic from an offset on; throws where there is a gap. */
function readTopic(disk: Disk, { ends }: SmallLog, topic: string, from: number): Uint8Array {
  const reader = new LogReader({ logFolder: LOG_FOLDER, topic, ends, disk });
  reader.seek(from);
  const parts: Uint8Array[] = [];
  for (let result = reader.read(8192); result.kind !== 'end'; result = reader.read(8192)) {
    if (result.kind === 'gap') throw new Violation(`${topic}: a gap ${JSON.stringify(result)}`);
    parts.push(result.bytes.slice());
  }
  reader.close();
  return Buffer.concat(parts);
}

/** Nobody closes the log, it is opened again, takes more, is closed and opened once more: all of it is there, and no opening finds anything to mend. */
function goOn(disk: CrashDisk, smallness: Smallness, spans: readonly Span[]): void {
  const log = openLog(disk, smallness, 'b');
  same('a second recovery', spansOf(log), spans);
  nothingToMend(log);
  const answers = log.writer.append(TOPICS.map((topic) => ({ topic, batch: MORE.slice(), records: MORE_RECORDS })));
  const ends = spans.map(({ end }) => end);
  same('what is appended', answers, ends);
  log.writer.close();
  same('a failure', log.writer.failed, undefined);
  const again = openLog(disk, smallness, 'c');
  nothingToMend(again);
  const longer = spans.map(({ start, end }) => ({ start, end: end + MORE_RECORDS }));
  same('what was closed', spansOf(again), longer);
  for (const [i, topic] of TOPICS.entries()) {
    const more = readTopic(disk, again, topic, ends[i] ?? 0);
    const view = new DataView(more.buffer, more.byteOffset, more.byteLength);
    if (more.length !== MORE.length || batchBaseOffset(view, 0) !== ends[i])
      throw new Violation(`${topic}: what was appended at ${ends[i]} is not there`);
    if (Buffer.compare(more.subarray(16), MORE.subarray(16)) !== 0)
      throw new Violation(`${topic}: what was appended is not what is there`);
  }
}

function nothingToMend({ reports }: SmallLog): void {
  for (const [topic, report] of Object.entries(reports)) {
    noDamage(topic, report);
    if (report.cut !== undefined || report.repaired > 0)
      throw new Violation(`${topic}: a second recovery mends again ${JSON.stringify(report)}`);
  }
}

/** Each batch has its own offset, and the indexes of complete segments are those that FORMAT.md asks for, byte by byte. */
function checkFiles(disk: Disk, topic: string, end: number): void {
  const folder = topicFolder(LOG_FOLDER, topic);
  const bases = listSegments(disk, folder);
  for (const [i, base] of bases.entries()) {
    const next = bases[i + 1];
    const log = readFile(disk, segmentFile(folder, base, 'log')) ?? new Uint8Array(0);
    const { bytes, ...right } = indexesOf(log, base, next ?? end);
    if (next === undefined) continue;
    if (bytes !== log.length) throw new Violation(`${topic}: something lies behind the last batch of segment ${base}`);
    for (const kind of ['index', 'timeindex'] as const) {
      const found = Buffer.from(readFile(disk, segmentFile(folder, base, kind)) ?? 'none').toString('hex');
      same(`${topic}: ${kind} of ${base}`, found, Buffer.from(right[kind]).toString('hex'));
    }
  }
}

/** FORMAT.md, "Log folder", written down once more. `bytes`: of the batches up to an offset. */
function indexesOf(
  log: Uint8Array,
  base: number,
  end: number,
): { readonly index: number[]; readonly timeindex: number[]; readonly bytes: number } {
  const view = new DataView(log.buffer, log.byteOffset, log.byteLength);
  const index: number[] = [];
  const timeindex: number[] = [];
  let since = 0;
  let latest = { ms: -1, lastOffset: 0 };
  let noted = -1;
  const noteTime = (): void => {
    if (latest.ms <= noted) return;
    timeindex.push(
      ...uint32(Math.floor(latest.ms / 2 ** 32)),
      ...uint32(latest.ms),
      ...uint32(latest.lastOffset - base),
    );
    noted = latest.ms;
  };
  let at = 0;
  for (let offset = base; offset < end;) {
    const whole = at + BATCH_HEADER_BYTES <= log.length && batchLength(view, at) >= BATCH_HEADER_BYTES;
    if (!whole || batchBaseOffset(view, at) !== offset)
      throw new Violation(`segment ${base} has no batch with the offset ${offset} at ${at}`);
    offset += batchCount(view, at);
    const ms = batchMaxTimestampMs(view, at);
    if (ms > latest.ms) latest = { ms, lastOffset: offset - 1 };
    if (since > INDEX_INTERVAL_BYTES) {
      index.push(...uint32(offset - 1 - base), ...uint32(at));
      noteTime();
      since = 0;
    }
    since += batchLength(view, at);
    at += batchLength(view, at);
  }
  noteTime();
  return { index, timeindex, bytes: at };
}

function uint32(number: number): number[] {
  return [24, 16, 8, 0].map((shift) => (number >>> shift) & 0xff);
}
