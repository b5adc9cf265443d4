import { readFileSync } from 'node:fs';
import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { ByteWriter } from '../../edge/core/byte-writer.ts';
import { Fault } from '../../edge/core/fault.ts';
import { anySample, applyAll, batchOf, TestFolder } from '../kit/history-kit.ts';
import { tries } from '../kit/tries.ts';
import { SeriesIndex } from './series-index.ts';
import { parseTable, type SeriesTable } from './series-table.ts';
import { openStore, TAGS } from '../kit/world-kit.ts';

const POSITION = 1000;

function parse(bytes: Uint8Array, series = new SeriesIndex(), position = POSITION): SeriesTable {
  return parseTable(bytes, position, series, () => 0);
}

/** The table of a file with a series for each tag, and where it lies. */
async function tableOfFile(): Promise<{ bytes: Uint8Array; position: number }> {
  using folder = new TestFolder();
  const store = openStore(folder);
  const samples = fc.sample(anySample, { numRuns: 30, seed: 1 });
  await applyAll(store, [
    batchOf(
      samples.map((sample, i) => ({ tag: TAGS[i % TAGS.length] ?? '', sample })),
      0,
    ),
  ]);
  await store.flush();
  await store.close();
  const file = readFileSync(folder.file('historian/0000000001.mrh'));
  const position = Number(file.readBigUInt64LE(file.length - 24));
  return { bytes: Uint8Array.from(file.subarray(position, file.length - 24)), position };
}

/** A table of one topic and these series, all of them without a last sample. */
function tableOf(series: readonly { tag: string; samples: number; position: number }[]): Uint8Array {
  const out = new ByteWriter();
  out.varlong(1);
  out.text('samples');
  out.varlong(series.length);
  for (const { tag, samples, position } of series) {
    out.text(tag);
    for (const field of [0, 0, samples, 5, 10, position, 50]) out.varlong(field);
    out.uint8(15);
  }
  return out.take();
}

describe('a table of series', () => {
  test('holds numbers above 32 bits, in files of any length', () => {
    const series = [
      { tag: 'a', samples: 3, position: 8 },
      { tag: 'b', samples: 2 ** 40, position: 2 ** 33 },
      { tag: 'c', samples: 2 ** 32 - 1, position: 2 ** 34 },
    ];
    const table = parse(tableOf(series), new SeriesIndex(), 2 ** 35);
    expect([...table.samples]).toEqual(series.map(({ samples }) => samples));
    expect([...table.indexPositions]).toEqual(series.map(({ position }) => position));
    expect([...table.lasts]).toEqual([15, 15, 15]);
  });

  test('shares what is the same in others: which series there are', () => {
    const index = new SeriesIndex();
    const both = ['a', 'b'].map((tag) => ({ tag, samples: 1, position: 8 }));
    const [first, second] = [parse(tableOf(both), index), parse(tableOf(both), index)];
    expect(second.series).toBe(first.series);
    const other = parse(tableOf([{ tag: 'c', samples: 1, position: 8 }, ...both]), index);
    expect([...other.series]).toEqual([2, 0, 1]);
    expect([0, 1, 2].map((id) => other.places[id])).toEqual([2, 3, 1]);
    for (let i = 0; i < 10; i++) parse(tableOf([{ tag: `${i}`, samples: 1, position: 8 }]), index);
    expect([...parse(tableOf(both), index).series]).toEqual([0, 1]);
  });

  test('of any bytes is a table or damage, and takes no more memory than its bytes account for', async () => {
    const { bytes, position } = await tableOfFile();
    expect(parse(bytes, new SeriesIndex(), position).series.length).toBeGreaterThan(1);
    /** Number of entries, or the fault's code. */
    const outcomeOf = (changed: Uint8Array): number | string => {
      try {
        return parse(changed, new SeriesIndex(), position).series.length;
      } catch (error) {
        if (!(error instanceof Fault)) throw error;
        return error.code;
      }
    };
    const change = fc.array(fc.tuple(fc.nat(bytes.length - 1), fc.nat(255)), { minLength: 1, maxLength: 4 });
    const outcomes: (number | string)[] = [];
    const isRight = (outcome: number | string): boolean => {
      outcomes.push(outcome);
      return typeof outcome === 'number' ? outcome <= bytes.length : outcome === 'historian-damaged';
    };
    fc.assert(
      fc.property(change, (changes) => {
        const changed = Uint8Array.from(bytes);
        for (const [at, byte] of changes) changed[at] = byte;
        expect(isRight(outcomeOf(changed))).toBe(true);
      }),
      { numRuns: tries(2000) },
    );
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), (any) => {
        expect(isRight(outcomeOf(any))).toBe(true);
      }),
    );
    expect(new Set(outcomes.map((outcome) => typeof outcome)).size).toBe(2);
  });
});
