import path from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { realDisk } from '../core/disk.ts';
import { Flag } from '../core/flags.ts';
import { LogFolder, type OpenLog } from '../core/kit/log-kit.ts';
import { BatchEncoder } from '../core/record-batch.ts';
import { eraseAll } from '../core/repack/erase-kit.ts';
import { SampleKey } from '../core/sample-key.ts';
import { ValueKind } from '../core/sample.ts';
import { LedgerBook } from './book.ts';
import { LEDGER_TOPICS } from './replay.ts';

const A = 'northmill/a';
const B = 'northmill/b';

let folder: LogFolder;
let log: OpenLog;
beforeEach(() => {
  folder = new LogFolder();
  log = folder.open({ topics: LEDGER_TOPICS });
});
afterEach(() => {
  log.writer.close();
  folder[Symbol.dispose]();
});

function append(topic: string, ...samples: (readonly [tag: string, flags: number])[]): void {
  const encoder = new BatchEncoder();
  for (const [tag, flags] of samples)
    encoder.addSample(SampleKey.of(tag), {
      timeUs: 1,
      kind: ValueKind.double,
      value: 1,
      quality: 0,
      flags,
      serverTimeUs: null,
    });
  log.writer.append([{ topic, batch: encoder.finish(1_600_000_000_000), records: samples.length }]);
}

function erase(tags: readonly string[], upTo: Readonly<Record<string, number>>): number {
  return eraseAll(realDisk, folder.log, log.writer, [{ tags, fromUs: 0, toUs: 2, upTo }]).records;
}

/** The book as the next process has it: what was not saved is counted from the log. */
function opened(): LedgerBook {
  const file = path.join(folder.data, 'ledger.json');
  const book = new LedgerBook({
    disk: realDisk,
    file,
    logFolder: folder.log,
    ends: log.ends,
    connectorOf: () => 'floor',
  });
  book.open();
  return book;
}

/** What a tag's row says of samples that were appended. */
function rowOf(book: LedgerBook, tag: string): readonly number[] {
  const item = book.report(new Map()).items.find((each) => each.tag === tag);
  return [item?.received ?? 0, item?.logged ?? 0, item?.generated ?? 0];
}

test('what was erased counts as it did when it is counted from the log: received and logged, and generated where all are', () => {
  append('samples', [A, 0], [A, 0], [B, Flag.gap]);
  append('derived', [B, 0], [B, 0]);
  const before = opened();
  expect([rowOf(before, A), rowOf(before, B)]).toEqual([
    [2, 2, 0],
    [0, 0, 3],
  ]);
  expect(erase([A, B], { samples: 2, derived: 2 })).toBe(4);
  const after = opened();
  expect([rowOf(after, A), rowOf(after, B)]).toEqual([rowOf(before, A), rowOf(before, B)]);
  expect(after.report(new Map()).balanced).toBe(true);
});

test('of what Millrace has made itself among samples nothing tells so any more: it counts as received, and the ledger balances', () => {
  append('samples', [A, 0], [B, Flag.gap]);
  expect(erase([B], { samples: 2 })).toBe(1);
  const book = opened();
  expect(rowOf(book, B)).toEqual([1, 1, 0]);
  const stored = new Map([A, B].map((tag) => [tag, 1]));
  const { balanced, total } = book.report(stored);
  expect([balanced, total.stored, total.lag]).toEqual([true, 2, 0]);
});

test('what was saved before it was erased is not counted again', () => {
  append('samples', [A, 0], [B, Flag.gap]);
  const before = opened();
  before.save();
  expect(erase([A, B], { samples: 2 })).toBe(2);
  const book = opened();
  expect([rowOf(book, A), rowOf(book, B)]).toEqual([
    [1, 1, 0],
    [0, 0, 1],
  ]);
});
