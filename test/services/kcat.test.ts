import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { endMark, parseRecords, type KcatRecord } from './kcat.ts';

const bytes = fc.uint8Array({ maxLength: 40 }).map((array) => Buffer.from(array));
const nullable = fc.option(bytes, { nil: null });
// Without a comma: kcat does not quote it, so `a=1,b=2` may be one header or two.
const headerValue = bytes.map((value) => Buffer.from(value.map((byte) => (byte === 0x2c ? 0x20 : byte))));
const header = fc.record({ name: fc.stringMatching(/^[\w.-]{1,8}$/), value: headerValue });
const record = fc.record({
  offset: fc.nat(),
  timestampMs: fc.integer({ min: -1, max: 4e12 }),
  key: nullable,
  value: nullable,
  headers: fc.array(header, { maxLength: 3 }),
});

/** As kcat prints it, seen from its source (format.c). */
function print(one: KcatRecord): Buffer {
  const parts: (string | Buffer)[] = [
    `${one.offset} ${one.timestampMs} ${one.key?.length ?? -1} ${one.value?.length ?? -1}\n`,
  ];
  parts.push(one.key ?? '', one.value ?? '');
  one.headers.forEach(({ name, value }, index) => parts.push(`${index === 0 ? '' : ','}${name}=`, value));
  return Buffer.concat([...parts, endMark].map((part) => (typeof part === 'string' ? Buffer.from(part) : part)));
}

test('records are taken apart whatever bytes they hold', () => {
  fc.assert(
    fc.property(fc.array(record, { maxLength: 5 }), (records) => {
      expect(parseRecords(Buffer.concat(records.map(print)))).toEqual(records);
    }),
  );
});

test('output that is cut or is not kcat’s is an error, never fewer records', () => {
  const whole = print({ offset: 0, timestampMs: 1, key: Buffer.from('k'), value: Buffer.from('v'), headers: [] });
  for (let length = 1; length < whole.length; length++)
    expect(() => parseRecords(whole.subarray(0, length))).toThrow(/not understood|ends within/);
  expect(() => parseRecords(Buffer.from('% ERROR: something\n'))).toThrow('not understood');
});
