import path from 'node:path';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { writeCheckpoint } from '../../core/checkpoint-file.ts';
import { realDisk } from '../../core/disk.ts';
import { BatchEncoder, batchLength, placeBatch } from '../../core/record-batch.ts';
import { type Sample, ValueKind } from '../../core/sample.ts';
import { SampleKey } from '../../core/sample-key.ts';
import { SegmentCopy } from '../../core/segment-copy.ts';
import { topicFolder } from '../../core/segment-files.ts';

const BATCH = 1000;
const TOPIC = 'samples';

/** Keys of so many tags, 30 bytes each. */
export function keysOf(tags: number): SampleKey[] {
  return Array.from({ length: tags }, (_, i) => SampleKey.of(`northmill/hall1/line1/pr/${String(i).padStart(5, '0')}`));
}

/** A sample of each tag, in batches, the first one at offset 0. */
export function* roundOf(keys: readonly SampleKey[]): Generator<{ batch: Uint8Array; records: number }> {
  const encoder = new BatchEncoder();
  const nowMs = Date.now();
  const sample: { -readonly [K in keyof Sample]: Sample[K] } = {
    timeUs: nowMs * 1000,
    kind: ValueKind.double,
    value: 0,
    quality: 0,
    flags: 0,
    serverTimeUs: null,
  };
  for (let first = 0; first < keys.length; first += BATCH) {
    const some = keys.slice(first, first + BATCH);
    for (const [i, key] of some.entries()) {
      sample.value = (first + i) / 100;
      encoder.addSample(key, sample);
    }
    yield { batch: encoder.finish(nowMs, false), records: some.length };
  }
}

/**
 * Makes the folder of a log that was closed cleanly: the same round of samples again and again, each with its own offsets, in segments with indexes. Writing so much through the log would measure
 * the same and take longer.
 */
export async function makeLargeLog(logFolder: string, bytes: number, tags: number, signal: AbortSignal): Promise<void> {
  const round = Buffer.concat([...roundOf(keysOf(tags))].map(({ batch }) => batch));
  const view = new DataView(round.buffer, round.byteOffset, round.byteLength);
  const copy = new SegmentCopy(realDisk, topicFolder(logFolder, TOPIC));
  copy.begin(0, 0);
  let offset = 0;
  while (copy.bytes < bytes) {
    for (let at = 0; at < round.length; at += batchLength(view, at), offset += BATCH) placeBatch(round, at, offset, 0);
    copy.add(round);
    await nextTurn();
    signal.throwIfAborted();
  }
  copy.finish();
  writeCheckpoint(realDisk, path.join(logFolder, 'recovery-point-offset-checkpoint'), new Map([[TOPIC, offset]]));
}
