import { existsSync } from 'node:fs';
import path from 'node:path';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { formatBytes } from '../config/quantities.ts';
import { realDisk } from '../core/disk.ts';
import { errnoOf, Fault, messageOf } from '../core/fault.ts';
import { LogReader } from '../core/reader.ts';
import { batchBaseOffset, batchLength, readBatchHeader } from '../core/record-batch.ts';
import { SegmentCopy } from '../core/segment-copy.ts';
import { topicFolder } from '../core/segment-files.ts';
import type { LogSource } from './log-source.ts';
import { jsonText, makeWhole, table } from './output.ts';
import { Progress } from './progress.ts';

/** What was written of one topic. */
interface Exported {
  readonly topic: string;
  /** Offset of the first record that was wanted, and behind the last. */
  readonly from: number;
  readonly to: number;
  readonly bytes: number;
  /** Records in between that are not to be had. */
  readonly gaps: { readonly first: number; readonly last: number; readonly reason: string }[];
}

export interface ExportOptions {
  readonly from?: number;
  readonly to?: number;
  readonly json?: boolean;
}

/** `millrace log export`: the folder appears when it is whole. */
export async function exportLog(
  log: LogSource,
  folder: string,
  names: readonly string[],
  options: ExportOptions,
): Promise<void> {
  for (const name of names) log.mustHave(name);
  if (log.ends.topics.length === 0) throw new Fault('log-topic-unknown', `There is no log in ${log.folder}.`);
  if (existsSync(folder)) throw new Fault('file-exists', folder);
  const topics = names.length === 0 ? log.ends.topics : names;
  const ranges = topics.map((topic) => {
    const from = Math.max(options.from ?? 0, log.ends.start(topic));
    return { topic, from, to: Math.max(from, Math.min(options.to ?? Infinity, log.ends.end(topic))) };
  });
  const total = ranges.reduce((sum, { from, to }) => sum + to - from, 0);
  const progress = new Progress('exporting', 'records');
  const exported: Exported[] = [];
  let before = 0;
  try {
    await makeWhole(path.resolve(folder), async (beside) => {
      for (const range of ranges) {
        exported.push(await exportTopic(log, beside, range, (done) => progress.update(before + done, total)));
        before += range.to - range.from;
      }
    });
  } catch (error) {
    if (error instanceof Fault || errnoOf(error) === undefined) throw error;
    throw new Fault('file-unwritable', `${folder}: ${messageOf(error)}`, { cause: error });
  } finally {
    progress.done();
  }
  process.stdout.write(options.json === true ? jsonText({ folder, topics: exported }) : textOf(exported));
}

interface Range {
  readonly topic: string;
  readonly from: number;
  readonly to: number;
}

/** Copies the batches that hold the records of the range; the first and the last may hold others, too. */
async function exportTopic(
  log: LogSource,
  folder: string,
  { topic, from, to }: Range,
  onProgress: (records: number) => void,
): Promise<Exported> {
  const reader = new LogReader({ logFolder: log.folder, topic, ends: log.ends });
  const copy = new SegmentCopy(realDisk, topicFolder(folder, topic));
  const gaps: Exported['gaps'] = [];
  let begun = false;
  try {
    reader.seek(from);
    while (reader.position < to) {
      const result = reader.read();
      if (result.kind === 'end') break;
      if (result.kind === 'gap')
        gaps.push({ first: result.first, last: Math.min(result.last, to - 1), reason: result.reason });
      else {
        if (!begun) copy.begin(result.baseOffset, readBatchHeader(viewOf(result.bytes), 0).epoch);
        begun = true;
        copy.add(result.bytes.subarray(0, lengthBelow(result.bytes, to)));
      }
      onProgress(reader.position - from);
      // Ctrl-C has its turn.
      await nextTurn();
    }
  } finally {
    reader.close();
  }
  if (!begun) copy.begin(to, 0);
  copy.finish();
  return { topic, from, to, bytes: copy.bytes, gaps };
}

/** Bytes of the batches that begin below an offset. */
function lengthBelow(batches: Uint8Array, offset: number): number {
  const view = viewOf(batches);
  let at = 0;
  while (at < batches.length && batchBaseOffset(view, at) < offset) at += batchLength(view, at);
  return at;
}

function viewOf(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

function textOf(exported: readonly Exported[]): string {
  const rows = exported.map(({ topic, from, to, bytes }) => [topic, from, to, formatBytes(bytes)]);
  const gaps = exported.flatMap(({ topic, gaps: missing }) =>
    missing.map(({ first, last, reason }) => `${topic}: records ${first} to ${last} are not to be had: ${reason}\n`),
  );
  return table(['topic', 'from', 'to', 'size'], rows) + gaps.join('');
}
