import { writeFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, test } from 'vitest';
import { realDisk } from '../disk.ts';
import { LogFolder } from '../kit/log-kit.ts';
import { topicFolder } from '../segment-files.ts';
import {
  eraseAll,
  erasureOf,
  expectedSaid,
  filledWithSecrets,
  meantBy,
  readSaid,
  readSecrets,
  secret,
  secretRequest,
  SECRETS,
} from './erase-kit.ts';
import { eraseLog } from './erase-log.ts';
import { leftovers } from './repack-kit.ts';

describe('meanwhile', () => {
  test('retention deletes segments, before they are looked at and when they are about to be replaced', () => {
    using folder = new LogFolder();
    const log = filledWithSecrets(folder);
    log.writer.close();
    const again = folder.open({ budgetBytes: 60_000, segmentBytes: 20_000 });
    const order = erasureOf(0, 1e6);
    let seen = 0;
    const { segments } = eraseAll(realDisk, folder.log, again.writer, [order], (step) => {
      if (step?.type !== 'swap' || ++seen !== 2) return;
      again.writer.hold({});
      again.writer.retain();
    });
    const start = again.ends.start('samples');
    expect(start).toBeGreaterThan(0);
    expect(segments).toBeGreaterThan(1);
    const reader = folder.reader(again.ends);
    reader.seek(start);
    expect(readSaid(reader)).toEqual(expectedSaid(SECRETS, meantBy(order), start));
    expect(leftovers(folder).filter((name) => name.endsWith('.cleaned'))).toEqual([]);
    again.writer.close();
  });

  test('a worker has died: what it left beside segments, which may hold what is to be erased, is removed', () => {
    using folder = new LogFolder();
    const log = filledWithSecrets(folder);
    const order = erasureOf(1500, 1600);
    writeFileSync(path.join(topicFolder(folder.log, 'samples'), '00000000000000000000.log.cleaned'), secret(1501));
    eraseAll(realDisk, folder.log, log.writer, [order]);
    expect(leftovers(folder)).toEqual([]);
    log.writer.close();
  });

  test('the pass ends in the middle of a segment: nothing is left over, and the log is as it was', () => {
    using folder = new LogFolder();
    const log = folder.open({ segmentBytes: 1_000_000 });
    for (let next = 0; next < 30_000; next += 500) log.writer.append([secretRequest(next, 500)]);
    const steps = eraseLog(realDisk, folder.log, [erasureOf(0, 1e6)]);
    while (leftovers(folder).length === 0) expect(steps.next().done).toBe(false);
    steps.return({ records: 0, segments: 0, unread: [] });
    expect(leftovers(folder)).toEqual([]);
    expect(readSecrets(folder, log)).toEqual(expectedSaid(30_000, () => false));
    log.writer.close();
  });

  test('a worker has died behind its question for a swap, and the writer comes to it when another one makes that segment: nothing half made takes the place of what is there', () => {
    using folder = new LogFolder();
    const log = folder.open({ segmentBytes: 1_000_000 });
    for (let next = 0; next < 30_000; next += 500) log.writer.append([secretRequest(next, 500)]);
    const order = erasureOf(0, 1e6);
    const [, endOffset = 0] = folder.segments();
    const steps = eraseLog(realDisk, folder.log, [order]);
    for (let begun = 0; begun < 2; begun += leftovers(folder).length > 0 ? 1 : 0)
      expect(steps.next().value).toBe(undefined);
    const late = { topic: 'samples', baseOffset: 0, endOffset, isErased: true };
    expect([log.writer.replaceSegment(late), log.writer.failed]).toEqual([undefined, undefined]);
    expect(readSecrets(folder, log)).toEqual(expectedSaid(30_000, () => false));
    steps.return({ records: 0, segments: 0, unread: [] });
    eraseAll(realDisk, folder.log, log.writer, [order]);
    expect(readSecrets(folder, log)).toEqual(expectedSaid(30_000, meantBy(order)));
    log.writer.close();
  });

  test('segments above the recovery point on record are not touched: the writer is asked for it first', () => {
    using folder = new LogFolder();
    const log = filledWithSecrets(folder);
    folder.write('recovery-point-offset-checkpoint', '0\n1\nsamples 0 0\n');
    const steps = eraseLog(realDisk, folder.log, [erasureOf(0, 1e6)]);
    let step = steps.next();
    while (step.value === undefined) step = steps.next();
    expect(step.value).toEqual({ type: 'roll', topic: 'samples', below: 1e9 });
    log.writer.roll('samples', 1e9);
    expect(folder.text('recovery-point-offset-checkpoint')).toContain(`samples 0 ${SECRETS}`);
    steps.return({ records: 0, segments: 0, unread: [] });
    log.writer.close();
  });

  test('nobody answers for the roll: that segment is told of, and all others are erased', () => {
    using folder = new LogFolder();
    const log = filledWithSecrets(folder);
    const order = erasureOf(0, 1e6);
    const last = folder.segments().at(-1) ?? 0;
    const roll = log.writer.roll.bind(log.writer);
    log.writer.roll = () => undefined;
    expect(() => eraseAll(realDisk, folder.log, log.writer, [order])).toThrow(`${last}.log: it is being written`);
    expect(readSecrets(folder, log)).toEqual(expectedSaid(SECRETS, (n) => meantBy(order)(n) && n < last));
    log.writer.roll = roll;
    eraseAll(realDisk, folder.log, log.writer, [order]);
    expect(readSecrets(folder, log)).toEqual(expectedSaid(SECRETS, meantBy(order)));
    log.writer.close();
  });

  test('the writer refuses a segment that is there: it is told of, and the next round does it', () => {
    using folder = new LogFolder();
    const log = filledWithSecrets(folder);
    const order = erasureOf(0, 1e6);
    const replace = log.writer.replaceSegment.bind(log.writer);
    log.writer.replaceSegment = (segment) => (segment.baseOffset === 0 ? undefined : replace(segment));
    expect(() => eraseAll(realDisk, folder.log, log.writer, [order])).toThrow('0.log: it was not replaced');
    log.writer.replaceSegment = replace;
    expect(eraseAll(realDisk, folder.log, log.writer, [order]).segments).toBe(1);
    expect(readSecrets(folder, log)).toEqual(expectedSaid(SECRETS, meantBy(order)));
    log.writer.close();
  });
});
