import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { type Sample, ValueKind } from '../../edge/core/sample.ts';
import { anySample } from '../kit/history-kit.ts';
import { LineBuffer, linePrefix } from './ilp.ts';

const sample: Sample = { timeUs: 7, kind: ValueKind.double, value: 1.5, quality: 0, flags: 0, serverTimeUs: null };

function prefix(tag: string, topic = 'samples'): Uint8Array {
  return linePrefix('t', new TextEncoder().encode(tag), topic);
}

/** One row as text. */
function line(more: Partial<Sample>, deviceTimeUs = Number.NaN, tag = 'a/b'): string {
  const buffer = new LineBuffer(10, 100_000);
  buffer.add(prefix(tag), 7, 2, 9, { ...sample, ...more }, deviceTimeUs);
  return Buffer.from(buffer.content).toString('utf8');
}

describe('a row', () => {
  test('has table, tag and topic, then the fields, then the effective time in µs', () => {
    expect(line({})).toBe('t,tag=a/b,topic=samples kind=4i,quality=0i,flags=0i,epoch=2i,offset=9i,value=1.5 7\n');
  });

  test('has device and server time where there are any', () => {
    expect(line({ serverTimeUs: -5, flags: 2 }, 8)).toContain(',value=1.5,device_time=8t,server_time=-5t 7\n');
  });

  test.each<[string, Partial<Sample>, string]>([
    ['nothing', { kind: ValueKind.null, value: null }, ''],
    ['a boolean', { kind: ValueKind.boolean, value: true }, ',value=1.0'],
    ['minus zero', { value: -0 }, ',value=-0.0'],
    ['a small double', { value: 5e-324 }, ',value=5e-324'],
    ['an integer that a double holds', { kind: ValueKind.long, value: -12 }, ',value=-12'],
    [
      'an integer that a double would round',
      { kind: ValueKind.long, value: 2n ** 63n - 1n },
      ',value=9223372036854776000,text="9223372036854775807"',
    ],
    [
      'the greatest unsigned integer',
      { kind: ValueKind.uint64, value: 2n ** 64n - 1n },
      ',value=18446744073709552000,text="18446744073709551615"',
    ],
    ['a string', { kind: ValueKind.string, value: 'a "b"\\\n\rÖ' }, ',text="a \\"b\\"\\\\\\\n\\\rÖ"'],
    ['an empty string', { kind: ValueKind.string, value: '' }, ',text=""'],
    ['bytes', { kind: ValueKind.bytes, value: Uint8Array.of(0, 255) }, ',text="AP8="'],
  ])('of %s', (_, more, field) => {
    expect(line(more)).toBe(
      `t,tag=a/b,topic=samples kind=${more.kind ?? 4}i,quality=0i,flags=0i,epoch=2i,offset=9i${field} 7\n`,
    );
  });

  test('escapes what would end a tag', () => {
    expect(line({}, Number.NaN, 'a b,c=d\\e"f')).toContain('t,tag=a\\ b\\,c\\=d\\\\e"f,topic=samples ');
  });
});

describe('a request', () => {
  test('is full at its rows, or at its bytes, and then has room for one more row of any size', () => {
    const rows = new LineBuffer(2, 1e6);
    rows.add(prefix('a'), 1, 0, 0, sample, Number.NaN);
    expect(rows.full).toBe(false);
    rows.add(prefix('a'), 1, 0, 0, sample, Number.NaN);
    expect(rows.full).toBe(true);
    const bytes = new LineBuffer(1000, 100);
    const largest = { ...sample, kind: ValueKind.string, value: '"'.repeat(511_000) };
    bytes.add(prefix('a'), 1, 0, 0, sample, Number.NaN);
    expect(bytes.full).toBe(false);
    bytes.add(prefix(','.repeat(255)), 1, 0, 0, largest, Number.NaN);
    expect([bytes.full, bytes.content.at(-1), bytes.length > 1_022_000]).toEqual([true, 10, true]);
    bytes.reset();
    expect([bytes.full, bytes.length, bytes.lines]).toEqual([false, 0, 0]);
  });

  test('has each row whole, whatever is in it, and any row can be taken out', () => {
    fc.assert(
      fc.property(fc.array(anySample, { minLength: 1, maxLength: 8 }), fc.nat(), (samples, pick) => {
        const all = new LineBuffer();
        const alone = samples.map((each, i) => {
          const one = new LineBuffer(1, 1000);
          for (const to of [all, one]) to.add(prefix(`t${i}`), each.timeUs, 0, i, each, Number.NaN);
          return Buffer.from(one.content).toString('utf8');
        });
        const gone = pick % samples.length;
        expect(Buffer.from(all.content).toString('utf8')).toBe(alone.join(''));
        expect(all.remove(gone)).toBe(alone[gone]);
        expect(Buffer.from(all.content).toString('utf8')).toBe(alone.toSpliced(gone, 1).join(''));
      }),
      { numRuns: 100 },
    );
  });
});
