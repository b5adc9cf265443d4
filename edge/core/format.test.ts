import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import avsc from 'avsc';
import { crc32c } from '@node-rs/crc32';
import { describe, expect, test } from 'vitest';
import { ByteWriter } from './byte-writer.ts';
import { Fault } from './fault.ts';
import { BatchEncoder, checkBatch, placeBatch, readBatchHeader } from './record-batch.ts';
import { RecordCursor } from './record-cursor.ts';
import { kindName, type Sample, ValueKind } from './sample.ts';
import { SAMPLE_SCHEMA_ID, SampleReader, writeSample } from './sample-codec.ts';
import { escapeSegment, unescapeSegment } from './tag-path.ts';
import { SampleKey } from './sample-key.ts';

const page = readFileSync(new URL('./FORMAT.md', import.meta.url), 'utf8');

function block(name: string): string {
  const text = new RegExp(`\`\`\`\\w+ ${name}\\n([^\`]*)\`\`\``).exec(page)?.[1];
  if (text === undefined) throw new Error(`FORMAT.md has no block ${name}`);
  return text;
}

/** Rows of the table under a header line that begins with `head`. */
function rows(head: string): string[][] {
  const lines = page.split('\n');
  const start = lines.findIndex((line) => line.startsWith(`| ${head}`));
  if (start < 0) throw new Error(`FORMAT.md has no table ${head}`);
  const table: string[][] = [];
  for (const line of lines.slice(start + 2)) {
    if (!line.startsWith('|')) break;
    table.push(
      line
        .slice(1, -1)
        .split(' | ')
        .map((cell) => cell.trim()),
    );
  }
  return table;
}

const unquote = (cell: string | undefined): string => (cell ?? '').replaceAll('`', '');

/** The value as FORMAT.md writes it. */
function describeValue(sample: Sample): string {
  const { kind, value } = sample;
  if (kind === ValueKind.null) return 'null';
  if (kind === ValueKind.string) return `string ${JSON.stringify(value)}`;
  if (value instanceof Uint8Array) return `bytes ${Buffer.from(value).toString('hex')}`;
  if (typeof value === 'object' && value !== null) {
    const { shape, stepNs, element, items } = value;
    return `array ${JSON.stringify({ shape, stepNs, [element.charAt(0)]: [...items] })}`;
  }
  return `${kindName(kind)} ${String(value)}`;
}

describe('sample v1 in FORMAT.md', () => {
  test('the schema id is the shifted beginning of the SHA-256 of the canonical form', () => {
    const canonical = avsc.Type.forSchema(JSON.parse(block('sample-v1')) as avsc.Schema).schema();
    const hash = createHash('sha256').update(JSON.stringify(canonical)).digest();
    expect(hash.subarray(0, 4).toString('hex')).toBe('9703f038');
    expect(hash.readUInt32BE(0) >>> 1).toBe(SAMPLE_SCHEMA_ID);
    expect(SAMPLE_SCHEMA_ID).toBe(1266808860);
  });

  const examples = rows('example (hex)').filter((row) => row.length === 6);

  test('the page has an example for each kind of value', () => {
    expect(new Set(examples.map((row) => row[2]?.split(' ')[0]))).toEqual(new Set(Object.keys(ValueKind)));
  });

  test.each(examples)('%s', (hex, timeUs, value, quality, flags, serverTime) => {
    const bytes = Buffer.from(unquote(hex), 'hex');
    const reader = new SampleReader();
    reader.read(bytes, 0, bytes.length);
    expect(describeValue(reader)).toBe(value);
    expect([reader.timeUs, reader.quality, reader.flags, reader.serverTimeUs].map(String)).toEqual([
      timeUs,
      quality,
      flags,
      serverTime,
    ]);
    const out = new ByteWriter();
    writeSample(out, reader.copy());
    expect(Buffer.from(out.take()).toString('hex')).toBe(unquote(hex));
  });
});

describe('record batch in FORMAT.md', () => {
  const batch = Uint8Array.from(Buffer.from(block('record-batch').replaceAll(/\s/g, ''), 'hex'));

  test('the example is valid and holds what the page says', () => {
    expect(checkBatch(batch, 0, 42)).toBeUndefined();
    expect(readBatchHeader(new DataView(batch.buffer), 0)).toMatchObject({
      baseOffset: 42,
      bytes: 177,
      count: 2,
      codec: 0,
      baseTimestampMs: 1584440073123,
      maxTimestampMs: 1584440073123,
    });
    const cursor = new RecordCursor();
    expect(cursor.open(batch)).toBe(177);
    const seen: unknown[] = [];
    const reader = new SampleReader();
    while (cursor.next()) {
      reader.read(cursor.data, cursor.valueStart, cursor.valueEnd);
      const headers = cursor.headers().map(([name, value]) => [name, Buffer.from(value ?? []).toString('latin1')]);
      seen.push([cursor.offset, cursor.timestampMs, cursor.keyText(), describeValue(reader), headers]);
    }
    const noted = [
      ['c', 'pump-7'],
      ['p', '\u0000\u0011'],
    ];
    expect(seen).toEqual([
      [42, 1584440073123, 'northmill/loop/pressure', 'double 54.25', []],
      [43, 1584440073123, 'northmill/loop/running', 'boolean true', noted],
    ]);
  });

  test('the encoder makes the same bytes', () => {
    const text = new TextEncoder();
    const encoder = new BatchEncoder();
    const base = { timeUs: 1584440073000000, quality: 0, flags: 0, serverTimeUs: null };
    encoder.addSample(SampleKey.of('northmill/loop/pressure'), { ...base, kind: ValueKind.double, value: 54.25 });
    encoder.addSample(SampleKey.of('northmill/loop/running'), { ...base, kind: ValueKind.boolean, value: true }, [
      ['c', text.encode('pump-7')],
      ['p', Uint8Array.of(0, 17)],
    ]);
    const made = encoder.finish(1584440073123);
    placeBatch(made, 0, 42, 0);
    expect(Buffer.from(made).toString('hex')).toBe(Buffer.from(batch).toString('hex'));
  });

  test('every flipped bit under the checksum is noticed', () => {
    for (let bit = 21 * 8; bit < batch.length * 8; bit++) {
      const damaged = batch.slice();
      damaged[bit >> 3] = (damaged[bit >> 3] ?? 0) ^ (1 << (bit & 7));
      expect(checkBatch(damaged, 0, 42), `bit ${bit}`).toBe('checksum');
    }
  });
});

describe('tags in FORMAT.md', () => {
  const examples = rows('name from the source').map((row) => row.map(unquote));
  test.each(examples)('%s', (shown, segment) => {
    const codes = /as ((?:U\+[0-9A-F]{4} ?)+)/.exec(shown ?? '')?.[1];
    const name =
      codes === undefined
        ? shown === 'x' && segment === '%20x%20'
          ? ' x '
          : (shown ?? '')
        : String.fromCodePoint(...codes.split(' ').map((code) => Number.parseInt(code.slice(2), 16)));
    expect(escapeSegment(name)).toBe(segment);
    expect(unescapeSegment(segment ?? '')).toBe(name);
  });
});

test('the dictionary frame in FORMAT.md carries its length and checksum', () => {
  const [hex, body] = (rows('example frame (hex)')[0] ?? []).map(unquote);
  const frame = Buffer.from(hex ?? '', 'hex');
  expect(frame.readUInt32BE(0)).toBe(frame.length - 8);
  expect(frame.readUInt32BE(4)).toBe(crc32c(frame.subarray(8)));
  expect(frame.subarray(8).toString()).toBe(body);
});

test('a zstd batch unpacks to the records of the plain one', () => {
  const encoder = new BatchEncoder();
  const key = SampleKey.of('northmill/loop/pressure');
  const sample: Sample = { timeUs: 1, kind: ValueKind.double, value: 1.5, quality: 0, flags: 0, serverTimeUs: null };
  for (let i = 0; i < 1000; i++) encoder.addSample(key, { ...sample, timeUs: i * 1000, value: i / 7 });
  const batch = encoder.finish(5);
  expect(readBatchHeader(new DataView(batch.buffer), 0).codec).toBe(4);
  expect(batch.length).toBeLessThan(40_000);
  const cursor = new RecordCursor();
  const reader = new SampleReader();
  cursor.open(batch);
  for (let i = 0; i < 1000; i++) {
    expect(cursor.next()).toBe(true);
    reader.read(cursor.data, cursor.valueStart, cursor.valueEnd);
    expect([reader.timeUs, reader.value, cursor.offset]).toEqual([i * 1000, i / 7, i]);
  }
  expect(cursor.next()).toBe(false);
});

test('a record above its bound is not added, a batch above its bound is refused', () => {
  const encoder = new BatchEncoder();
  expect(encoder.addRecord(null, new Uint8Array(512_001))).toBeUndefined();
  expect(encoder.count).toBe(0);
  encoder.addRecord(null, new Uint8Array(500_000));
  encoder.addRecord(null, new Uint8Array(500_000));
  expect(() => encoder.finish(0, false)).toThrow(Fault);
});
