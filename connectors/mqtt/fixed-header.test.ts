import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { PacketScanner, type PacketWatcher } from './fixed-header.ts';

/** A packet of a type and a remaining length. */
function packet(type: number, length: number): Buffer {
  const header = [type << 4];
  let left = length;
  do {
    header.push((left % 128) | (left > 127 ? 0x80 : 0));
    left = Math.floor(left / 128);
  } while (left > 0);
  return Buffer.concat([Buffer.from(header), Buffer.alloc(length, 0xff)]);
}

function watcher(log: string[], stop = false): PacketWatcher {
  return {
    begin: (type, length) => {
      log.push(`begin ${type} ${length}`);
      return 'go';
    },
    end: (type) => {
      log.push(`end ${type}`);
      return stop ? 'stop' : 'go';
    },
    malformed: () => log.push('malformed'),
  };
}

const packets = fc.array(
  fc.tuple(fc.integer({ min: 1, max: 15 }), fc.oneof(fc.nat(3), fc.constantFrom(127, 128, 16_383, 16_384))),
  { maxLength: 8 },
);

describe('finding packets', () => {
  test('however the stream is cut', () => {
    fc.assert(
      fc.property(packets, fc.array(fc.integer({ min: 1, max: 9_000 }), { minLength: 1 }), (list, sizes) => {
        const log: string[] = [];
        const scanner = new PacketScanner(watcher(log));
        const stream = Buffer.concat(list.map(([type, length]) => packet(type, length)));
        for (let at = 0, i = 0; at < stream.length; i++) {
          const end = at + (sizes[i % sizes.length] ?? 1);
          const chunk = stream.subarray(at, end);
          expect(scanner.scan(chunk)).toBe(chunk.length);
          at = end;
        }
        expect(log).toEqual(list.flatMap(([type, length]) => [`begin ${type} ${length}`, `end ${type}`]));
        expect(scanner.unfinished).toBeUndefined();
      }),
    );
  });

  test('stopping leaves the rest for another scan', () => {
    fc.assert(
      fc.property(packets, (list) => {
        const log: string[] = [];
        const scanner = new PacketScanner(watcher(log, true));
        let stream = Buffer.concat(list.map(([type, length]) => packet(type, length)));
        for (const [type, length] of list) {
          const end = scanner.scan(stream);
          expect(end).toBe(packet(type, length).length);
          stream = stream.subarray(end);
        }
        expect(stream).toHaveLength(0);
        expect(log).toHaveLength(2 * list.length);
      }),
    );
  });

  test('what is missing of a packet', () => {
    const scanner = new PacketScanner(watcher([]));
    scanner.scan(packet(3, 300).subarray(0, 103));
    expect(scanner.unfinished).toEqual({ length: 300, missing: 200 });
  });

  test('the longest remaining length, and one that is none', () => {
    const log: string[] = [];
    new PacketScanner(watcher(log)).scan(Buffer.from([0x30, 0xff, 0xff, 0xff, 0x7f]));
    expect(new PacketScanner(watcher(log)).scan(Buffer.from([0x30, 0xff, 0xff, 0xff, 0xff, 0x01, 0x30]))).toBe(5);
    expect(log).toEqual(['begin 3 268435455', 'malformed']);
  });
});
