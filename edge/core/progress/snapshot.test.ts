import { readFileSync, writeFileSync } from 'node:fs';
import * as fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { LogFolder, type OpenLog } from '../kit/log-kit.ts';
import { BatchEncoder, placeBatch } from '../record-batch.ts';
import { RecordCursor } from '../record-cursor.ts';
import { findSnapshot } from './find-snapshot.ts';
import { encodeSnapshot, parseSnapshot, type Snapshot, SnapshotAssembler, snapshotText } from './snapshot.ts';

const TOPIC = '__state.sums';
const PART_BYTES = 450_000;

function snapshot(members: Partial<Snapshot> = {}): Snapshot {
  return { atUs: 5, inputs: {}, outputs: {}, watermarkUs: null, state: null, ...members };
}

function textOf(of: Snapshot): string {
  return snapshotText(of, JSON.stringify(of.state));
}

/** What an assembler gives for batches that lie at these offsets. */
function assembled(batches: readonly (readonly [offset: number, batch: Uint8Array])[]): unknown[] {
  const assembler = new SnapshotAssembler();
  const cursor = new RecordCursor();
  return batches.flatMap(([offset, batch]) => {
    const placed = batch.slice();
    placeBatch(placed, 0, offset, 0);
    cursor.open(placed, 0);
    cursor.next();
    const value = assembler.add(cursor);
    return value === undefined ? [] : [value];
  });
}

describe('a snapshot', () => {
  test('is read as it was written', () => {
    const positions = fc.dictionary(fc.constantFrom('samples', 'derived', 'events'), fc.maxSafeNat(), {
      noNullPrototype: true,
    });
    const any = fc.record({
      atUs: fc.maxSafeNat(),
      inputs: positions,
      outputs: positions,
      watermarkUs: fc.option(fc.maxSafeNat()),
      state: fc.jsonValue().map((value) => JSON.parse(JSON.stringify(value)) as unknown),
    });
    fc.assert(
      fc.property(any, (one) => {
        const batches = encodeSnapshot('sums', textOf(one), 7);
        const [value] = assembled(batches.map((batch, i) => [i, batch]));
        expect(parseSnapshot(value)).toEqual(one);
      }),
    );
  });

  test('larger than a record is put together from its parts; without one of them it is none, and the next one is', () => {
    // Noise, which does not become smaller.
    const state = Array.from({ length: 130_000 }, (_, i) => (i * 2654435761) % 4294967296).join();
    const parts = encodeSnapshot('sums', textOf(snapshot({ state })), 7);
    expect(parts).toHaveLength(Math.ceil(textOf(snapshot({ state })).length / PART_BYTES));
    expect(parts.length).toBeGreaterThan(2);
    const [small] = encodeSnapshot('sums', textOf(snapshot()), 7);
    const next: [number, Uint8Array] = [parts.length, small ?? new Uint8Array(0)];
    const all = parts.map((part, i): [number, Uint8Array] => [i, part]);
    expect(assembled(all).map((value) => parseSnapshot(value).state)).toEqual([state]);
    for (let missing = 0; missing < parts.length; missing++)
      expect(assembled([...all.filter(([i]) => i !== missing), next]), `without ${missing}`).toHaveLength(1);
    // Parts of two: the end of one that was lost does not complete the one before it.
    const [begun] = all;
    const others = parts.map((part, i): [number, Uint8Array] => [i + 1, part]);
    expect(assembled([...(begun === undefined ? [] : [begun]), ...others.slice(1)])).toEqual([]);
  });

  test('of anything else is refused', () => {
    for (const value of [null, 5, {}, { v: 1 }, { v: 2, at: 1, watermark: null, inputs: { samples: -1 } }])
      expect(() => parseSnapshot(value)).toThrow(/snapshot of version|offset|times/);
  });
});

describe('the last snapshot', () => {
  let folder: LogFolder;
  let log: OpenLog;

  beforeEach(() => {
    folder = new LogFolder();
    log = folder.open({ topics: [TOPIC, 'samples'], segmentBytes: 4000 });
  });
  afterEach(() => {
    log.writer.close();
    folder[Symbol.dispose]();
  });

  function append(text: string): void {
    for (const batch of encodeSnapshot('sums', text, 7)) log.writer.append([{ topic: TOPIC, batch, records: 1 }]);
  }

  function find(): { found: unknown; passedOver: string[] } {
    const passedOver: string[] = [];
    const found = findSnapshot({
      topic: TOPIC,
      logFolder: folder.log,
      ends: log.ends,
      onUnreadable: (topic, offset, why) => passedOver.push(`${topic} ${offset} ${why}`),
    });
    return { found: found && [found.offset, found.snapshot.state], passedOver };
  }

  test('is none where there is none', () => {
    expect(find()).toEqual({ found: undefined, passedOver: [] });
  });

  test('that can be read counts; those behind it are passed over and told', () => {
    append(textOf(snapshot({ state: 1 })));
    append(textOf(snapshot({ state: 2 })));
    append('{"v":2,');
    append('{"v":3}');
    const { found, passedOver } = find();
    expect(found).toEqual([1, 2]);
    expect(passedOver.map((line) => line.split(' ').slice(0, 2).join(' '))).toEqual([`${TOPIC} 2`, `${TOPIC} 3`]);
  });

  test('is found however many behind it are of no use', () => {
    append(textOf(snapshot({ state: 1 })));
    for (let i = 0; i < 100; i++) append('{}');
    expect(find().found).toEqual([0, 1]);
    expect(find().passedOver).toHaveLength(100);
  });

  test('that speaks of records which the log does not have is passed over', () => {
    append(textOf(snapshot({ state: 1, inputs: { samples: 0, gone: 99 } })));
    append(textOf(snapshot({ state: 2, inputs: { samples: 1 } })));
    append(textOf(snapshot({ state: 3, outputs: { samples: 1 } })));
    expect(find().found).toEqual([0, 1]);
    expect(find().passedOver).toHaveLength(2);
    const encoder = new BatchEncoder();
    encoder.addRecord(null, new Uint8Array(1));
    log.writer.append([{ topic: 'samples', batch: encoder.finish(7), records: 1 }]);
    expect(find().found).toEqual([2, 3]);
  });

  test('whose bytes are damaged is passed over', () => {
    append(textOf(snapshot({ state: 1 })));
    append(textOf(snapshot({ state: 2 })));
    const file = folder.file(0, 'log', TOPIC);
    const bytes = readFileSync(file);
    bytes.write('9', bytes.indexOf('"state":2') + 8);
    writeFileSync(file, bytes);
    expect(find().found).toEqual([0, 1]);
  });
});
