import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { gzipSync } from 'node:zlib';
import * as fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { Fault } from '../core/fault.ts';
import { type Value, ValueKind } from '../core/sample.ts';
import { ChunkFiller } from './sending.ts';
import { decodeChunk, encodeChunk } from './chunk.ts';
import type { ImportMap } from './map-schema.ts';
import { type MappedName, NameMap } from './names.ts';
import { ImportPlan } from './plan.ts';
import { type Refusal, RowReader, type RowSink } from './rows.ts';
import { SourceFile } from './source.ts';

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(path.join(tmpdir(), 'millrace-rows-'));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

interface Taken {
  readonly samples: [path: string, timeUs: number, value: Value, quality: number, line: number][];
  readonly refusals: [line: number, reason: string][];
}

class Collector implements RowSink {
  readonly taken: Taken = { samples: [], refusals: [] };

  sample(name: MappedName, timeUs: number, _kind: ValueKind, value: Value, quality: number, line: number): void {
    this.taken.samples.push([name.path, timeUs, value, quality, line]);
  }

  refused({ line, reason }: Refusal): void {
    this.taken.refusals.push([line, reason]);
  }

  ignored(): void {}

  ambiguous(): void {}
}

interface Reading {
  readonly map?: ImportMap;
  readonly tag?: string;
  readonly skip?: number;
}

/** Reads a file to its end. */
async function toEnd(pieces: AsyncIterable<number>): Promise<void> {
  let before = 0;
  for await (const rows of pieces) {
    if (rows < before) throw new Error('rows are counted upwards');
    before = rows;
  }
}

/** What comes of a file with these bytes. */
async function read(bytes: string | Uint8Array, { map = {}, tag, skip = 0 }: Reading = {}): Promise<Taken> {
  const file = path.join(folder, 'file.csv');
  writeFileSync(file, bytes);
  const collector = new Collector();
  const names = new NameMap('site', map, new Map());
  const reader = new RowReader({ map, names, timezone: undefined, tag, latestUs: Number.MAX_SAFE_INTEGER });
  const source = await SourceFile.open(file, map.encoding);
  await toEnd(reader.read(source, collector, skip));
  return collector.taken;
}

const T = '2024-01-01T00:00:00Z';
const TIME = Date.parse(T) * 1000;

describe('a file becomes samples', () => {
  test.each<[string, string | Uint8Array, Reading]>([
    ['a row a sample', `tag,time,value\na,${T},1.5\n`, {}],
    ['other names, another order, a semicolon', `Zeitstempel;Wert;TagName\n${T};1.5;a`, {}],
    ['one tag', `time,value,quality\n${T},1.5,192\n`, { tag: 'a' }],
    ['a column a tag', `time,a,b\n${T},1.5,\n`, {}],
    ['no header', `${T}|a|1.5\n`, { map: { header: false, delimiter: '|', columns: { time: 1, tag: 2, value: 3 } } }],
    ['UTF-16 with a byte order mark', Buffer.from(`\uFEFFtag\ttime\tvalue\r\na\t${T}\t1.5\r\n`, 'utf16le'), {}],
    [
      'UTF-16 in the other byte order',
      Buffer.from(`\uFEFFtag\ttime\tvalue\r\na\t${T}\t1.5\r\n`, 'utf16le').swap16(),
      {},
    ],
    ['UTF-8 with a byte order mark', `\uFEFFtag,time,value\na,${T},1.5\n`, {}],
    ['packed with gzip', gzipSync(`tag,time,value\na,${T},1.5\n`), {}],
  ])('%s', async (_what, bytes, reading) => {
    const { samples, refusals } = await read(bytes, reading);
    expect(samples.map((sample) => sample.slice(0, 4))).toEqual([['site/a', TIME, 1.5, 0]]);
    expect(refusals).toEqual([]);
  });

  test('qualities beside the values of a wide table', async () => {
    const map = { qualitySuffix: ' Q' };
    const { samples } = await read(`time,a,a Q,b,b Q\n${T},1,Good,2,Bad\n`, { map });
    expect(samples.map(([tag, , value, quality]) => [tag, value, quality])).toEqual([
      ['site/a', 1, 0],
      ['site/b', 2, 0x80000000],
    ]);
  });

  test.each([
    ['', 'is empty'],
    ['a,b,c\n1,2,3\n', 'no column of times'],
    ['time,value\n', 'no tag is named'],
    [Buffer.from([0x74, 0xff, 0x2c]), 'encoding: windows-1252'],
    [gzipSync('tag,time,value\n').subarray(0, 20), 'unexpected end of file'],
    ['PAR1 and no more', 'file.csv'],
    [Buffer.from('PK\u0003\u0004 xl/workbook.xml', 'latin1'), 'workbook of Excel: unpack it, or save the sheet as CSV'],
    [Buffer.from([0x28, 0xb5, 0x2f, 0xfd, 0]), 'packed with zstd'],
    [`time,a,b,a\n${T},1,2,3\n`, 'two columns are called "a"'],
    [`tag,time,value\n${'y'.repeat(3_000_000)}`, 'file.csv: Line 2 has more than a million characters'],
    [`tag,time,value,time\na,${T},1,${T}\n`, 'two columns are called "time": name them by number'],
  ])('%#: what is no table is a fault', async (bytes, what) => {
    await expect(read(bytes)).rejects.toThrow(what);
    await expect(read(bytes)).rejects.toMatchObject({ code: 'import-unreadable' });
  });

  test('rows that are done are read and not given away: the rest is as it would have been', async () => {
    const map: ImportMap = { timezone: 'Europe/Berlin' };
    const times = Array.from({ length: 180 }, (_, i) => new Date(Date.UTC(2025, 9, 26, 0) + i * 60_000));
    const clock = new Intl.DateTimeFormat('sv-SE', {
      timeZone: 'Europe/Berlin',
      dateStyle: 'short',
      timeStyle: 'medium',
    });
    const text = `tag,time,value\n${times.map((time, i) => `a,${clock.format(time)},${i}`).join('\n')}\n`;
    const whole = await read(text, { map });
    expect(whole.samples.map(([, timeUs]) => timeUs)).toEqual(times.map((time) => time.getTime() * 1000));
    for (const skip of [1, 60, 100, 170]) {
      const { samples } = await read(text, { map, skip });
      expect(samples).toEqual(whole.samples.slice(skip));
    }
  });

  test('any bytes are rows or a fault, and each row is a sample, or refused with its line', async () => {
    const cell = fc.constantFrom(
      'a',
      T,
      '1',
      '1,5',
      '"',
      '""',
      '"a\nb"',
      '',
      'Bad',
      '192',
      'x'.repeat(50),
      '\u0000',
      '🜁',
    );
    const row = fc.array(cell, { maxLength: 5 }).map((cells) => cells.join(','));
    const table = fc.tuple(
      fc.constantFrom('tag,time,value', 'time,a,b', 'tag;time;value', '"tag",time,value,quality'),
      fc.array(row, { maxLength: 10 }),
    );
    const bytes = fc.oneof(
      { weight: 4, arbitrary: table.map(([header, rows]) => Buffer.from([header, ...rows].join('\n'))) },
      fc.uint8Array({ maxLength: 200 }).map((given) => Buffer.from(given)),
    );
    await fc.assert(
      fc.asyncProperty(bytes, async (given) => {
        const taken = await read(given).catch((error: unknown) => error);
        const isFault = taken instanceof Fault && taken.code === 'import-unreadable';
        const { samples, refusals } = isFault ? { samples: [], refusals: [] } : (taken as Taken);
        const lines = given.toString().split('\n').length;
        const isLine = (line: number): boolean => line >= 1 && line <= lines;
        const isSound =
          samples.every(
            ([tag, timeUs, , , line]) => tag.startsWith('site/') && Number.isSafeInteger(timeUs) && isLine(line),
          ) && refusals.every(([line]) => isLine(line));
        expect(isSound).toBe(true);
      }),
      { numRuns: 150 },
    );
  });
});

/** What would come of a text. */
async function planOf(text: string): Promise<ImportPlan> {
  const file = path.join(folder, 'plan.csv');
  writeFileSync(file, text);
  const plan = new ImportPlan();
  const names = new NameMap('site', {}, new Map());
  const reader = new RowReader({
    map: {},
    names,
    timezone: undefined,
    tag: undefined,
    latestUs: Number.MAX_SAFE_INTEGER,
  });
  plan.file = file;
  await toEnd(reader.read(await SourceFile.open(file), plan));
  plan.learnTypes();
  return plan;
}

describe('the first pass', () => {
  test.each([
    [['1', '2.5', 'NaN'], 'double', 0],
    [['true', 'false', ''], 'boolean', 0],
    [['on', 'off', '1'], 'string', 0],
    [['1', '2', 'stuck'], 'double', 1],
    [['true', '1', '0'], 'double', 1],
    [['', 'No Data'], undefined, 0],
  ])('%j is of type %s, and %d of it are refused', async (values, type, refused) => {
    const plan = await planOf(
      `tag,time,value\n${values.map((value, i) => `a,${1_700_000_000 + i},${value}`).join('\n')}\n`,
    );
    const [tag] = [...plan.tags.values()];
    expect([tag?.name.declared, plan.refusedRows, plan.samples]).toEqual([type, refused, values.length - refused]);
  });
});

describe('a chunk', () => {
  test('comes over the socket as it was', () => {
    const names = new NameMap('site', {}, new Map());
    const filler = new ChunkFiller('x.csv', () => undefined);
    const name = names.find('a');
    if ('refused' in name) throw new Error(name.refused);
    name.declared = 'long';
    filler.sample(name, TIME, ValueKind.long, 9_007_199_254_740_993n, 0x80310000, 2);
    filler.sample(name, TIME + 1, ValueKind.null, null, 0, 3);
    const { chunk } = filler.take();
    expect(decodeChunk(encodeChunk(chunk))).toEqual(chunk);
    expect(chunk.tags).toEqual([{ tag: 'a', type: 'long', unit: undefined, class: undefined, source: 'x.csv' }]);
    expect(filler.take().chunk.values).toEqual([]);
  });

  test('anything else is refused', () => {
    const chunk = {
      v: 1,
      tags: [{ tag: 'a', type: 'double', source: 'x' }],
      tag: Uint32Array.of(0),
      timeUs: Float64Array.of(1),
      kinds: Uint8Array.of(4),
      quality: Uint32Array.of(0),
      values: [1],
    };
    const spoilt = [
      { ...chunk, v: 2 },
      { ...chunk, values: [1, 2] },
      { ...chunk, tag: Uint32Array.of(1) },
      { ...chunk, timeUs: Float64Array.of(Number.NaN) },
      { ...chunk, values: [Number.POSITIVE_INFINITY] },
      { ...chunk, values: ['1'] },
      { ...chunk, kinds: Uint8Array.of(9) },
      { ...chunk, tags: [{ tag: 'a', type: 'real', source: 'x' }] },
    ];
    expect(decodeChunk(encodeChunk(chunk as never))).toEqual(chunk);
    for (const each of spoilt) expect(() => decodeChunk(encodeChunk(each as never))).toThrow(Fault);
    fc.assert(
      fc.property(fc.uint8Array(), (bytes) => {
        expect(() => decodeChunk(bytes)).toThrow(Fault);
      }),
    );
  });
});
