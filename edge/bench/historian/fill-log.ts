import path from 'node:path';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { writeCheckpoint } from '../../core/checkpoint-file.ts';
import { realDisk } from '../../core/disk.ts';
import { BatchEncoder, placeBatch } from '../../core/record-batch.ts';
import { type Sample, ValueKind } from '../../core/sample.ts';
import { SampleKey } from '../../core/sample-key.ts';
import { SegmentCopy } from '../../core/segment-copy.ts';
import { topicFolder } from '../../core/segment-files.ts';
import type { DataSet, Tag } from './data.ts';

/** Samples of a batch. */
const BATCH = 1000;
export const TOPIC = 'samples';

/** Makes the folder of a log that was closed cleanly, with all samples of a set in the order of their arrival, in plain batches of 1,000. Resolves with their number. */
export async function fillLog(logFolder: string, set: DataSet, signal: AbortSignal): Promise<number> {
  const keys = set.tags.map(({ path: tag }) => SampleKey.of(tag));
  const encoder = new BatchEncoder();
  const copy = new SegmentCopy(realDisk, topicFolder(logFolder, TOPIC));
  const sample: Sample = { timeUs: 0, kind: ValueKind.double, value: 0, quality: 0, flags: 0, serverTimeUs: null };
  let offset = 0;
  let newestMs = 0;
  const seal = (): void => {
    const { count } = encoder;
    const batch = encoder.seal(newestMs, false);
    placeBatch(batch, 0, offset, 0);
    copy.add(batch);
    offset += count;
  };
  copy.begin(0, 0);
  for (const rows of set.rows()) {
    for (let row = 0; row < rows.count; row++) {
      const tag = rows.tags[row] ?? 0;
      const key = keys[tag];
      if (key === undefined) continue;
      const timeMs = rows.timesMs[row] ?? 0;
      sample.timeUs = timeMs * 1000;
      putValue(sample, set.tags[tag], rows.values[row] ?? 0);
      sample.quality = rows.qualities[row] ?? 0;
      // When it came in: no sample comes before the ones in front of it.
      newestMs = Math.max(newestMs, timeMs);
      encoder.addSample(key, sample);
      if (encoder.count === BATCH) seal();
    }
    await nextTurn();
    signal.throwIfAborted();
  }
  if (encoder.count > 0) seal();
  copy.finish();
  writeCheckpoint(realDisk, path.join(logFolder, 'recovery-point-offset-checkpoint'), new Map([[TOPIC, offset]]));
  return offset;
}

/** Sets value and kind as the tag's type wants them. */
export function putValue(sample: Sample, tag: Tag | undefined, value: number): void {
  const isBoolean = tag?.type === 'boolean';
  sample.kind = isBoolean ? ValueKind.boolean : tag?.type === 'float' ? ValueKind.float : ValueKind.double;
  sample.value = isBoolean ? value !== 0 : value;
}
