import path from 'node:path';
import { describe, expect, test } from 'vitest';
import { TopicCheck } from '../../edge/cli/topic-check.ts';
import { readCheckpoint } from '../../edge/core/checkpoint-file.ts';
import type { CrashDisk } from '../../edge/core/kit/crash-disk.ts';
import { DurableEnds } from '../../edge/core/durable-ends.ts';
import { Fault } from '../../edge/core/fault.ts';
import { LogReader, openEnds } from '../../edge/core/reader.ts';
import { readBatchHeader } from '../../edge/core/record-batch.ts';
import { RecordCursor } from '../../edge/core/record-cursor.ts';
import type { RecoveryReport } from '../../edge/core/recovery.ts';
import { figure } from '../end-to-end/figures.ts';
import { random, testSeed, type Random } from '../end-to-end/random.ts';
import type { Gap } from './log-kit.ts';
import { diskWith, logFiles, memoryLog, memoryWriter } from './memory-log.ts';

const flips = process.env['MILLRACE_LONG'] === '1' ? 30_000 : 3000;
const { log: logFolder, topic } = memoryLog;

/** A batch of the log as it was. */
interface Batch {
  readonly file: string;
  readonly position: number;
  readonly bytes: number;
  readonly first: number;
  readonly last: number;
  readonly timeMs: number;
}

/** What the undamaged log holds. */
interface Original {
  readonly files: ReadonlyMap<string, Uint8Array>;
  readonly batches: readonly Batch[];
  /** By offset: time, key and value. */
  readonly records: readonly string[];
}

/** A reading of everything. */
interface Reading {
  readonly found: ReadonlyMap<number, string>;
  readonly gaps: readonly Gap[];
  readonly end: number;
}

interface Flip {
  readonly file: string;
  readonly at: number;
  /** Where the flip hits a batch: its place in it. */
  readonly batch: Batch | undefined;
  readonly text: string;
}

function original(closed: boolean): Original {
  const files = logFiles(45, closed);
  const batches = [...files].flatMap(([file, bytes]) => (file.endsWith('.log') ? batchesOf(file, bytes) : []));
  const disk = diskWith(files);
  const { found, gaps } = readEverything(disk, openEnds(logFolder, disk));
  const records = Array.from({ length: found.size }, (_, offset) => found.get(offset) ?? '');
  expect(gaps).toEqual([]);
  expect(records.length).toBe((batches.at(-1)?.last ?? 0) + 1);
  return { files, batches, records };
}

function batchesOf(file: string, bytes: Uint8Array): Batch[] {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const batches: Batch[] = [];
  for (let at = 0; at < bytes.length && bytes[at + 16] === 2;) {
    const { baseOffset, bytes: length, count, maxTimestampMs } = readBatchHeader(view, at);
    const last = baseOffset + count - 1;
    batches.push({ file, position: at, bytes: length, first: baseOffset, last, timeMs: maxTimestampMs });
    at += length;
  }
  return batches;
}

/** Every record and gap up to the end; an error if the reader does not come to it. */
function readEverything(disk: CrashDisk, ends: DurableEnds): Reading {
  const reader = new LogReader({ logFolder, topic, ends, disk });
  const cursor = new RecordCursor();
  const found = new Map<number, string>();
  const gaps: Gap[] = [];
  for (let reads = 0; ; reads++) {
    if (reads > 10_000) throw new Error('the reader does not come to the end');
    const result = reader.read(5000);
    if (result.kind === 'end') break;
    if (result.kind === 'gap') gaps.push({ first: result.first, last: result.last, reason: result.reason });
    else
      for (let at = 0; at < result.bytes.length;) {
        at = cursor.open(result.bytes, at);
        while (cursor.next()) {
          if (found.has(cursor.offset)) throw new Error(`record ${cursor.offset} is read twice`);
          found.set(cursor.offset, recordText(cursor));
        }
      }
  }
  reader.close();
  return { found, gaps, end: ends.end(topic) };
}

function recordText(cursor: RecordCursor): string {
  const value = cursor.value();
  return `${cursor.timestampMs} ${cursor.keyText()} ${value === null ? 'null' : Buffer.from(value).toString('latin1')}`;
}

/** A disk with the original but for one place: a bit, a byte, or some bytes. */
function flipped({ files, batches }: Original, file: string, choose: Random): { disk: CrashDisk; flip: Flip } {
  const bytes = files.get(file)?.slice() ?? new Uint8Array(0);
  const at = choose.whole(0, bytes.length - 1);
  const length = choose.next() < 0.8 ? 1 : choose.whole(1, 30);
  const before = bytes.slice(at, at + length);
  for (let i = at; i < Math.min(at + length, bytes.length); i++) {
    // Something else than was there, and in one place of two only a bit.
    const mask = length === 1 && choose.next() < 0.5 ? 1 << choose.whole(0, 7) : choose.whole(1, 255);
    bytes[i] = (bytes[i] ?? 0) ^ mask;
  }
  const batch = batches.find((one) => one.file === file && at >= one.position && at < one.position + one.bytes);
  const text = `${path.basename(file)}:${at} ${Buffer.from(before).toString('hex')} -> ${Buffer.from(bytes.subarray(at, at + length)).toString('hex')}`;
  return { disk: diskWith(new Map([...files, [file, bytes]])), flip: { file, at, batch, text } };
}

/** Whether the flip, which may go on over the end of its batch, can have cost this record. */
function mayBeLost({ batches }: Original, { file, at, batch }: Flip, offset: number): boolean {
  if (batch === undefined) return false;
  return batches.some((one) => {
    const touched = one.file === file && one.position < at + 30 && one.position + one.bytes > at;
    return touched && offset >= one.first && offset <= one.last;
  });
}

/** Requires that what was read is right, that what was not read is told, and that nothing is missing but what the flip hit. */
function expectHonest(whole: Original, reading: Reading, flip: Flip, from = 0): void {
  const { found, gaps, end } = reading;
  const wrong: string[] = [];
  for (const [offset, text] of found) if (text !== whole.records[offset]) wrong.push(`wrong ${offset}`);
  for (let offset = from; offset < whole.records.length; offset++) {
    const isTold = gaps.some(({ first, last }) => offset >= first && offset <= last);
    if (found.has(offset) === isTold && offset < end) wrong.push(`${isTold ? 'both' : 'neither'} ${offset}`);
    if (!found.has(offset) && !mayBeLost(whole, flip, offset)) wrong.push(`lost ${offset}`);
  }
  expect({ flip: flip.text, wrong: wrong.slice(0, 5) }).toEqual({ flip: flip.text, wrong: [] });
}

/** Requires that seeking by offset and by time finds the same with the flip as without, where the flip has not hit it. */
function expectFound(whole: Original, disk: CrashDisk, flip: Flip, choose: Random): void {
  const ends = openEnds(logFolder, disk);
  const reader = new LogReader({ logFolder, topic, ends, disk });
  const batch = whole.batches[choose.whole(0, whole.batches.length - 1)];
  if (batch === undefined || mayBeLost(whole, flip, batch.first)) return;
  const offset = choose.whole(batch.first, batch.last);
  reader.seek(offset);
  const result = reader.read(100);
  expect({ flip: flip.text, offset, result: result.kind === 'data' && result.baseOffset }).toEqual({
    flip: flip.text,
    offset,
    result: batch.first,
  });
  const found = reader.offsetAt(batch.timeMs);
  expect({ flip: flip.text, timeMs: batch.timeMs, found }).toEqual({
    flip: flip.text,
    timeMs: batch.timeMs,
    found: batch.first,
  });
  reader.close();
}

/** Files in which `log verify` finds something wrong. */
function verified(disk: CrashDisk): string[] {
  const ends = openEnds(logFolder, disk);
  const synced = readCheckpoint(disk, path.join(logFolder, 'recovery-point-offset-checkpoint')).get(topic) ?? 0;
  const end = Math.max(ends.end(topic), synced);
  const check = new TopicCheck(disk, { logFolder, topic, end, live: false });
  Array.from(check.run());
  return [...new Set(check.report.problems.map(({ file }) => path.basename(file)))];
}

/** Opens the log as its writer does. A Fault is an answer too. */
function recovered(disk: CrashDisk): { ends: DurableEnds; report: RecoveryReport | undefined } | Fault {
  const ends = DurableEnds.create([topic]);
  const writer = memoryWriter(disk, ends);
  try {
    const report = writer.open()[topic];
    writer.close();
    expect(writer.failed).toBeUndefined();
    return { ends, report };
  } catch (error) {
    if (error instanceof Fault) return error;
    throw error;
  }
}

/** What a recovery said is lost, as gaps. */
function told(report: RecoveryReport | undefined, end: number): Gap[] {
  const damage = (report?.damage ?? []).map(({ first, last }) => ({ first, last, reason: 'damage' }));
  const cut = report?.cut === undefined ? [] : [{ first: report.cut.offset, last: end, reason: 'cut' }];
  return [...damage, ...cut];
}

/** One of the files that end so. */
function pick(files: ReadonlyMap<string, Uint8Array>, ending: string, choose: Random): string {
  const names = [...files].flatMap(([name, bytes]) => (name.endsWith(ending) && bytes.length > 0 ? [name] : []));
  return names[choose.whole(0, names.length - 1)] ?? '';
}

describe(`${flips} flips at random places`, { timeout: 1_800_000 }, () => {
  test('in a closed log: readers give what is right and tell the rest, verify names the file, recovery reports it', () => {
    const choose = random(testSeed());
    const whole = original(true);
    let lost = 0;
    for (let i = 0; i < flips; i++) {
      const ending = ['.log', '.log', '.index', '.timeindex'][i % 4] ?? '';
      const { disk, flip } = flipped(whole, pick(whole.files, ending, choose), choose);
      const before = readEverything(disk, openEnds(logFolder, disk));
      expectHonest(whole, before, flip);
      expectFound(whole, disk, flip, choose);
      expect({ flip: flip.text, files: verified(disk) }).toEqual({
        flip: flip.text,
        files: [path.basename(flip.file)],
      });
      const after = recovered(disk);
      if (after instanceof Fault) throw new Error(`recovery after ${flip.text}`, { cause: after });
      const reading = readEverything(disk, after.ends);
      expectHonest(whole, reading, flip);
      expect(after.ends.end(topic)).toBe(whole.records.length);
      expect(after.report?.cut).toBeUndefined();
      // What a recovery reports is not there, and what it looked at and does not report is.
      const damage = after.report?.damage ?? [];
      const readInDamage = [...reading.found.keys()].filter((offset) =>
        damage.some(({ first, last }) => offset >= first && offset <= last),
      );
      expect({ flip: flip.text, readInDamage }).toEqual({ flip: flip.text, readInDamage: [] });
      if (reading.found.size < whole.records.length) lost++;
    }
    figure('flips in a closed log', flips);
    figure('of them cost a batch', lost);
    expect(lost).toBeGreaterThan(flips / 4);
  });

  test('a batch that claims more records than it has does not pass for the batch of a later offset', () => {
    const whole = original(true);
    const [, second, third] = whole.batches;
    if (second === undefined || third === undefined) throw new Error('the log has three batches');
    const bytes = whole.files.get(second.file)?.slice() ?? new Uint8Array(0);
    bytes[second.position + 57] = 1;
    const disk = diskWith(new Map([...whole.files, [second.file, bytes]]));
    const reader = new LogReader({ logFolder, topic, ends: openEnds(logFolder, disk), disk });
    reader.seek(third.first);
    expect(reader.read()).toMatchObject({ kind: 'data', baseOffset: third.first });
    reader.close();
  });

  test('damage over the border of two batches: a base offset that cannot be right does not move what comes behind it', () => {
    const whole = original(true);
    const borders = whole.batches.flatMap((hit, i) => {
      const before = whole.batches[i - 1];
      // Of the last batch of all nobody can tell.
      return before?.file === hit.file && i < whole.batches.length - 1 ? [{ before, hit }] : [];
    });
    for (const { before, hit } of borders) {
      for (const offset of [0, 5, 6, 7]) {
        const bytes = whole.files.get(hit.file)?.slice() ?? new Uint8Array(0);
        for (const at of [hit.position - 1, hit.position + offset]) bytes[at] = (bytes[at] ?? 0) ^ 0x40;
        const disk = diskWith(new Map([...whole.files, [hit.file, bytes]]));
        const text = `bytes -1 and ${offset} of the batch at ${hit.position} of ${hit.file}`;
        const flip = { file: hit.file, at: hit.position - 1, batch: before, text };
        expectHonest(whole, readEverything(disk, openEnds(logFolder, disk)), flip);
        const after = recovered(disk);
        if (after instanceof Fault) throw new Error(flip.text, { cause: after });
        expectHonest(whole, readEverything(disk, after.ends), flip);
        expect(after.ends.end(topic)).toBe(whole.records.length);
      }
    }
    expect(borders.length).toBeGreaterThan(20);
  });

  test('in a log that was killed: what is cut or damaged is told, all else is read', () => {
    const choose = random(testSeed() + 1);
    const whole = original(false);
    const count = Math.ceil(flips / 4);
    for (let i = 0; i < count; i++) {
      const { disk, flip } = flipped(whole, pick(whole.files, i % 4 === 3 ? 'index' : '.log', choose), choose);
      const after = recovered(disk);
      if (after instanceof Fault) throw new Error(`recovery after ${flip.text}`, { cause: after });
      const { found, gaps } = readEverything(disk, after.ends);
      const cut = after.report?.cut;
      // Behind a torn place of the last commit group everything is cut: nobody can tell it from one that was never acknowledged.
      const records = whole.records.slice(0, cut?.offset ?? whole.records.length);
      expectHonest({ ...whole, records }, { found, gaps, end: records.length }, flip);
      const lost = whole.records.flatMap((_, offset) => (found.has(offset) ? [] : [offset]));
      const ranges = [...gaps, ...told(after.report, whole.records.length)];
      const untold = lost.filter((offset) => !ranges.some(({ first, last }) => offset >= first && offset <= last));
      expect({ flip: flip.text, untold }).toEqual({ flip: flip.text, untold: [] });
    }
    figure('flips in a killed log', count);
  });

  test('in checkpoint files and the log’s identity: a typed fault, or a start that loses nothing', () => {
    const choose = random(testSeed() + 2);
    const whole = original(true);
    const endings = [
      'recovery-point-offset-checkpoint',
      'log-start-offset-checkpoint',
      'leader-epoch-checkpoint',
      'millrace.json',
    ];
    let faults = 0;
    const count = Math.ceil(flips / 4);
    for (let i = 0; i < count; i++) {
      const { disk, flip } = flipped(whole, pick(whole.files, endings[i % endings.length] ?? '', choose), choose);
      const after = recovered(disk);
      if (after instanceof Fault) {
        faults++;
        if (after.code !== 'data-unreadable') throw new Error(`start after ${flip.text}`, { cause: after });
        continue;
      }
      expectHonest(whole, readEverything(disk, after.ends), flip);
      expect(after.report?.cut).toBeUndefined();
    }
    figure('flips in small files', count);
    figure('of them faults at the start', faults);
    expect(faults).toBeGreaterThan(0);
    expect(faults).toBeLessThan(count);
  });
});
