import { mkdirSync, openSync, closeSync, readFileSync, statfsSync, writeSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { writeCheckpoint } from '../../edge/core/checkpoint-file.ts';
import { realDisk } from '../../edge/core/disk.ts';
import { BatchEncoder, placeBatch, readBatchHeader } from '../../edge/core/record-batch.ts';
import { ValueKind } from '../../edge/core/sample.ts';
import { SampleKey } from '../../edge/core/sample-key.ts';
import { SegmentCopy } from '../../edge/core/segment-copy.ts';
import { segmentFile, SEGMENT_BYTES, topicFolder } from '../../edge/core/segment-files.ts';
import { run } from '../services/run.ts';

const GIB = 1024 ** 3;
/** So much of the disk is left to others. */
const SPARE_BYTES = 5 * GIB;
const FIRST_MS = 1_600_000_000_000;

/** A log of many equal segments of `samples`, made faster than any gateway could have written it. */
export interface LargeLog {
  readonly bytes: number;
  readonly segments: number;
  readonly end: number;
  /** Where its last segment begins. */
  readonly lastBase: number;
}

/** How large a log can be: as wanted, or what the disk allows. Bytes. */
export function possibleBytes(folder: string, wanted: number): number {
  const { bavail, bsize } = statfsSync(folder);
  return Math.min(wanted, bavail * bsize - SPARE_BYTES);
}

/**
 * Makes `log/` of a data folder: one segment of plain batches of ten, copied with other base offsets, which lie outside the checksum; indexes speak of offsets within their segment and are the
 * same. Every byte is written. As after a clean stop: every record is below the recovery point.
 */
export function makeLargeLog(dataFolder: string, bytes: number): LargeLog {
  const logFolder = path.join(dataFolder, 'log');
  const folder = topicFolder(logFolder, 'samples');
  mkdirSync(logFolder);
  const records = firstSegment(folder);
  const first = readFileSync(segmentFile(folder, 0, 'log'));
  const segments = Math.max(2, Math.round(bytes / first.length));
  for (let i = 1; i < segments; i++) {
    for (let at = 0; at < first.length;) {
      const header = readBatchHeader(new DataView(first.buffer, first.byteOffset), at);
      placeBatch(first, at, header.baseOffset + records, 0);
      at += header.bytes;
    }
    const base = i * records;
    writeSynced(segmentFile(folder, base, 'log'), first);
    for (const kind of ['index', 'timeindex'] as const)
      writeSynced(segmentFile(folder, base, kind), readFileSync(segmentFile(folder, 0, kind)));
  }
  const end = segments * records;
  writeCheckpoint(realDisk, path.join(logFolder, 'recovery-point-offset-checkpoint'), new Map([['samples', end]]));
  writeCheckpoint(realDisk, path.join(logFolder, 'log-start-offset-checkpoint'), new Map([['samples', 0]]));
  writeFileSync(path.join(logFolder, 'millrace.json'), '{"v":1,"logId":"large","epoch":0}\n');
  return { bytes: segments * first.length, segments, end, lastBase: end - records };
}

/** The first segment, as full as it can be. Returns its records. */
function firstSegment(folder: string): number {
  const copy = new SegmentCopy(realDisk, folder);
  copy.begin(0, 0);
  const keys = Array.from({ length: 10 }, (_, i) => SampleKey.of(`northmill/hall1/line${i}/temperature`));
  const encoder = new BatchEncoder();
  let records = 0;
  for (;;) {
    for (const key of keys) {
      const timeUs = (FIRST_MS + records) * 1000;
      encoder.addSample(key, {
        timeUs,
        kind: ValueKind.double,
        value: records,
        quality: 0,
        flags: 0,
        serverTimeUs: null,
      });
    }
    const batch = encoder.finish(FIRST_MS + records, false);
    if (copy.bytes + batch.length > SEGMENT_BYTES) break;
    placeBatch(batch, 0, records, 0);
    copy.add(batch);
    records += keys.length;
  }
  copy.finish();
  return records;
}

function writeSynced(file: string, bytes: Uint8Array): void {
  const fd = openSync(file, 'w');
  for (let at = 0; at < bytes.length;) at += writeSync(fd, bytes, at);
  realDisk.sync(fd);
  closeSync(fd);
}

/** Has the system forget what it keeps of the files in memory: the next one who reads goes to the disk. */
export async function forget(dataFolder: string): Promise<void> {
  const script = 'find "$0" -type f -exec dd if={} iflag=nocache count=0 status=none \\;';
  await run('/bin/sh', ['-c', script, path.join(dataFolder, 'log')]);
}
