import { readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, test } from 'vitest';
import { realDisk } from '../core/disk.ts';
import { Fault } from '../core/fault.ts';
import { LogFolder } from '../core/kit/log-kit.ts';
import { StateFile } from '../core/progress/state-file.ts';
import { ErasureBook, MAX_ORDERS } from './book.ts';
import { orderOnRecord } from './order-kit.ts';

describe('the book', () => {
  test('forgets what is done before it refuses, and refuses when nothing is', () => {
    using folder = new LogFolder();
    const file = path.join(folder.data, 'erasures.json');
    const open = Array.from({ length: MAX_ORDERS - 1 }, (_, i) => orderOnRecord(`open-${i}`, false));
    const orders = [...open.slice(0, 500), orderOnRecord('done', true), ...open.slice(500)];
    new StateFile({ disk: realDisk, file, consumer: 'erasures', remedy: '' }).write({ v: 1, orders });
    const book = new ErasureBook(realDisk, file);
    book.open();
    book.add(orderOnRecord('one more', false));
    expect(book.find('done')).toBeUndefined();
    expect(() => book.add(orderOnRecord('too many', false))).toThrow('1000 erasures are on record');
    const again = new ErasureBook(realDisk, file);
    again.open();
    expect(again.orders).toEqual(book.orders);
  });

  test('that is damaged is named, never taken for empty', () => {
    using folder = new LogFolder();
    const file = path.join(folder.data, 'erasures.json');
    const book = new ErasureBook(realDisk, file);
    book.add(orderOnRecord('one', false));
    const bytes = readFileSync(file);
    for (const at of [0, 30, bytes.length - 10]) {
      const other = Buffer.from(bytes);
      other[at] = (other[at] ?? 0) ^ 1;
      writeFileSync(file, other);
      expect(() => new ErasureBook(realDisk, file).open()).toThrow(Fault);
    }
    writeFileSync(file, 'millrace-state 1 erasures 3 00000000\n{}\n');
    expect(() => new ErasureBook(realDisk, file).open()).toThrow(Fault);
  });
});
