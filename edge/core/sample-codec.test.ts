import avsc from 'avsc';
import * as fc from 'fast-check';
import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { runPython } from '../../test/services/python.ts';
import { requireService } from '../../test/services/require.ts';
import { ByteWriter } from './byte-writer.ts';
import { Fault } from './fault.ts';
import { type ArrayValue, type Sample, type Value, ValueKind } from './sample.ts';
import { SampleReader, writeSample } from './sample-codec.ts';

const page = readFileSync(new URL('./FORMAT.md', import.meta.url), 'utf8');
const schemaText = /```json sample-v1\n([^`]*)```/.exec(page)?.[1] ?? '';

const INT64_MIN = -(2n ** 63n);
const INT64_MAX = 2n ** 63n - 1n;

const finite = fc.oneof(
  fc.double({ noNaN: true, noDefaultInfinity: true }),
  fc.constantFrom(0, -0, 5e-324, -5e-324, 2.2250738585072009e-308, Number.MAX_VALUE, -Number.MAX_VALUE, 2 ** 53 + 2),
);
const finiteFloat = fc.oneof(
  fc.float({ noNaN: true, noDefaultInfinity: true }),
  fc.constantFrom(0, -0, 2 ** -149, -(2 ** -149), 3.4028234663852886e38),
);
/** A long in memory: a number where that is exact, else a bigint. */
const long = fc
  .oneof(
    fc.bigInt({ min: INT64_MIN, max: INT64_MAX }),
    fc.constantFrom(INT64_MIN, INT64_MAX, 2n ** 53n, 2n ** 53n - 1n, -(2n ** 53n), 2n ** 31n, -1n, 0n),
  )
  .map((value) => (BigInt.asIntN(54, value) === value && value !== -(2n ** 53n) ? Number(value) : value));
const text = fc.oneof(
  fc.string({ unit: 'binary' }),
  fc.constantFrom('', '\uFEFF', '\uFEFFbyte order mark', '\u{1F4A7}\u{10FFFF}', '\0', 'Ö\u0308', '\uFFFD'),
);
const bytes = fc.uint8Array({ maxLength: 40 });
const uint64 = fc.oneof(fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }), fc.constantFrom(0n, 2n ** 63n, 2n ** 64n - 1n));

type Elements =
  | { element: 'float'; items: Float32Array }
  | { element: 'double'; items: Float64Array }
  | { element: 'long'; items: BigInt64Array }
  | { element: 'string'; items: string[] };

/** Not empty: bytes of an empty array do not say of what. */
function arrayOf<T>(item: fc.Arbitrary<T>, make: (items: T[]) => Elements): fc.Arbitrary<ArrayValue> {
  const stepNs = fc.option(finite);
  return fc
    .tuple(fc.array(item, { minLength: 1, maxLength: 30 }), stepNs, fc.boolean())
    .map(([items, step, square]) => {
      const shape = square ? [1, items.length] : [items.length];
      return { shape, stepNs: step, ...make(items) };
    });
}
const array = fc.oneof(
  arrayOf(finiteFloat, (items) => ({ element: 'float', items: Float32Array.from(items) })),
  arrayOf(finite, (items) => ({ element: 'double', items: Float64Array.from(items) })),
  arrayOf(fc.bigInt({ min: INT64_MIN, max: INT64_MAX }), (items) => ({
    element: 'long',
    items: BigInt64Array.from(items),
  })),
  arrayOf(text, (items) => ({ element: 'string', items })),
);

const value: fc.Arbitrary<[ValueKind, Value]> = fc.oneof(
  fc.constant<[ValueKind, Value]>([ValueKind.null, null]),
  fc.boolean().map<[ValueKind, Value]>((v) => [ValueKind.boolean, v]),
  long.map<[ValueKind, Value]>((v) => [ValueKind.long, v]),
  finiteFloat.map<[ValueKind, Value]>((v) => [ValueKind.float, v]),
  finite.map<[ValueKind, Value]>((v) => [ValueKind.double, v]),
  text.map<[ValueKind, Value]>((v) => [ValueKind.string, v]),
  bytes.map<[ValueKind, Value]>((v) => [ValueKind.bytes, v]),
  uint64.map<[ValueKind, Value]>((v) => [ValueKind.uint64, v]),
  array.map<[ValueKind, Value]>((v) => [ValueKind.array, v]),
);
const time = fc.oneof(fc.maxSafeInteger(), fc.constantFrom(0, Number.MAX_SAFE_INTEGER, Number.MIN_SAFE_INTEGER));
const sample: fc.Arbitrary<Sample> = fc
  .tuple(value, time, fc.nat(0xffffffff), fc.nat(63), fc.option(time))
  .map(([[kind, v], timeUs, quality, flags, serverTimeUs]) => ({
    timeUs: timeUs + 0,
    kind,
    value: v,
    quality,
    flags,
    serverTimeUs,
  }));

function encode(one: Sample): Uint8Array {
  const out = new ByteWriter();
  writeSample(out, one);
  return out.take();
}

function decode(encoded: Uint8Array): Sample {
  const reader = new SampleReader();
  reader.read(encoded, 0, encoded.length);
  return reader.copy();
}

const bits = (x: unknown): unknown => (Object.is(x, -0) ? '-0' : typeof x === 'bigint' ? String(x) : x);

/** The value as Avro has it, numbers by their bits, so that -0 and 0 differ. */
function plain(one: Sample): unknown {
  const v = one.value;
  if (v instanceof Uint8Array) return [one.kind, Buffer.from(v).toString('hex')];
  if (typeof v === 'object' && v !== null) {
    const lists: Record<string, unknown> = { f: [], d: [], i: [], s: [] };
    lists[v.element === 'long' ? 'i' : v.element.charAt(0)] = Array.from<unknown>(v.items).map(bits);
    return [one.kind, [...v.shape], bits(v.stepNs), lists];
  }
  return [one.kind, bits(v)];
}

test('a sample comes back bit for bit', () => {
  fc.assert(
    fc.property(sample, (one) => {
      const back = decode(encode(one));
      expect(back).toStrictEqual(one);
      expect(plain(back)).toEqual(plain(one));
    }),
    { numRuns: 3000 },
  );
});

test('a reader is used again without a trace of the sample before', () => {
  fc.assert(
    fc.property(fc.array(sample, { minLength: 2, maxLength: 5 }), (samples) => {
      const reader = new SampleReader();
      const out = new ByteWriter(1);
      const ends = samples.map((one) => {
        writeSample(out, one);
        return out.length;
      });
      const all = out.take();
      for (const [i, one] of samples.entries()) {
        reader.read(all, ends[i - 1] ?? 0, ends[i] ?? 0);
        expect(reader.copy()).toStrictEqual(one);
      }
    }),
    { numRuns: 300 },
  );
});

test('a value of bytes lies in memory of its own, also when it is read from a Buffer', () => {
  const one: Sample = {
    timeUs: 1,
    kind: ValueKind.bytes,
    value: Uint8Array.of(1, 2),
    quality: 0,
    flags: 0,
    serverTimeUs: null,
  };
  const encoded = Buffer.from(encode(one));
  const back = decode(encoded);
  encoded.fill(0);
  expect(back).toStrictEqual(one);
});

test('an empty array has no element type: it comes back as doubles', () => {
  const empty: Sample = {
    timeUs: 1,
    kind: ValueKind.array,
    value: { shape: [0], stepNs: null, element: 'string', items: [] },
    quality: 0,
    flags: 0,
    serverTimeUs: null,
  };
  expect(decode(encode(empty)).value).toEqual({
    shape: [0],
    stepNs: null,
    element: 'double',
    items: new Float64Array(0),
  });
});

describe('other Avro implementations read our bytes', () => {
  /** avsc with int64 as bigint. */
  // oxlint-disable-next-line no-underscore-dangle -- the name that avsc gave it
  const bigLong = avsc.types.LongType.__with({
    fromBuffer: (buffer: Buffer) => buffer.readBigInt64LE(),
    toBuffer: (v: bigint) => {
      const buffer = Buffer.alloc(8);
      buffer.writeBigInt64LE(v);
      return buffer;
    },
    fromJSON: BigInt,
    toJSON: Number,
    isValid: (v: unknown) => typeof v === 'bigint',
    compare: (a: bigint, b: bigint) => (a < b ? -1 : a > b ? 1 : 0),
  });
  // avsc takes its own long where an annotation stands beside the type, and loses bits.
  const plainSchema = schemaText.replaceAll('{"type":"long","logicalType":"timestamp-micros"}', '"long"');
  const type = avsc.Type.forSchema(JSON.parse(plainSchema) as avsc.Schema, {
    registry: { long: bigLong },
    wrapUnions: 'always',
  });
  const branches = ['null', 'boolean', 'long', 'float', 'double', 'string', 'bytes', 'millrace.v1.UInt64'];

  interface Decoded {
    time: bigint;
    value: Record<string, unknown> | null;
    quality: bigint;
    flags: number;
    serverTime: { long: bigint } | null;
  }
  interface DecodedArray {
    shape: number[];
    stepNs: { double: number } | null;
    f: number[];
    d: number[];
    i: bigint[];
    s: string[];
  }

  /** The same form as `plain`. */
  function plainOf(decoded: Decoded['value']): unknown {
    if (decoded === null) return [0, null];
    const [name, v] = Object.entries(decoded)[0] ?? ['', null];
    if (name === 'millrace.v1.UInt64') return [7, String((v as Buffer).readBigUInt64BE())];
    if (name === 'bytes') return [6, (v as Buffer).toString('hex')];
    if (name === 'millrace.v1.Array') {
      const { shape, stepNs, f, d, i, s } = v as DecodedArray;
      return [8, shape, bits(stepNs?.double ?? null), { f: f.map(bits), d: d.map(bits), i: i.map(String), s }];
    }
    const kind = branches.indexOf(name);
    const safe = typeof v === 'bigint' && Number.isSafeInteger(Number(v));
    return [kind, safe ? Number(v) : typeof v === 'bigint' ? String(v) : bits(v)];
  }

  test('avsc', () => {
    fc.assert(
      fc.property(sample, (one) => {
        const decoded = type.fromBuffer(Buffer.from(encode(one).subarray(5))) as Decoded;
        expect(Number(decoded.time)).toBe(one.timeUs);
        expect(plainOf(decoded.value)).toEqual(plain(one));
        expect([Number(decoded.quality), decoded.flags]).toEqual([one.quality, one.flags]);
        expect(decoded.serverTime === null ? null : Number(decoded.serverTime.long)).toBe(one.serverTimeUs);
      }),
      { numRuns: 1000 },
    );
  });

  test('avsc writes what we read', () => {
    fc.assert(
      fc.property(sample, (one) => {
        const encoded = encode(one);
        const again = type.toBuffer(type.fromBuffer(Buffer.from(encoded.subarray(5))));
        const theirs = Buffer.concat([encoded.subarray(0, 5), again]);
        expect(decode(theirs)).toStrictEqual(one);
      }),
      { numRuns: 1000 },
    );
  });

  const python = requireService('python');
  test.skipIf(!python.available)(`fastavro ${python.reason}`, { timeout: 120_000 }, async () => {
    const samples = fc.sample(sample, { numRuns: 500, seed: 3 });
    const input = JSON.stringify({
      schema: schemaText,
      samples: samples.map((one) => Buffer.from(encode(one)).toString('hex')),
    });
    // It reads each sample and writes it again: the bytes must be the same, arrays in one block, integers as short as they can be.
    // To Python float and double are one type, and bytes and UInt64: which it was is seen in the byte behind the time.
    const script = `
import io, json, sys, fastavro
given = json.load(sys.stdin)
schema = fastavro.parse_schema(json.loads(given['schema']))
for text in given['samples']:
    data = bytes.fromhex(text)
    assert data[0] == 0 and int.from_bytes(data[1:5], 'big') == 1266808860
    source = io.BytesIO(data[5:])
    one = fastavro.schemaless_reader(source, schema, return_record_name=True)
    assert source.read() == b''
    branch = next(i for i in range(5, len(data)) if data[i] < 128) + 1
    named = {6: 'float', 8: 'double', 14: 'millrace.v1.UInt64'}.get(data[branch])
    if named is not None:
        one['value'] = (named, one['value'])
    out = io.BytesIO()
    fastavro.schemaless_writer(out, schema, one)
    print(data[:5].hex() + out.getvalue().hex())
`;
    const { stdout } = await runPython(script, [], input);
    const again = stdout.toString('utf8').trim().split('\n');
    expect(again).toEqual(samples.map((one) => Buffer.from(encode(one)).toString('hex')));
  });
});

/** What becomes of bytes: a sample, or the code of the fault. Any other error is thrown on. */
function outcome(encoded: Uint8Array): string {
  try {
    decode(encoded);
    return 'sample';
  } catch (error) {
    if (error instanceof Fault) return error.code;
    throw error;
  }
}
const outcomes = ['sample', 'sample-malformed'];

describe('bytes that are no sample', () => {
  test('random bytes give a sample or sample-malformed, nothing else', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), fc.boolean(), (noise, withMagic) => {
        const prefix = withMagic ? [0, 0x4b, 0x81, 0xf8, 0x1c] : [];
        expect(outcomes).toContain(outcome(Uint8Array.from([...prefix, ...noise])));
      }),
      { numRuns: 5000 },
    );
  });

  test('a sample with bytes changed gives a sample or sample-malformed', () => {
    const change = fc.array(fc.tuple(fc.nat(), fc.nat(255)), { minLength: 1, maxLength: 4 });
    fc.assert(
      fc.property(sample, change, (one, changes) => {
        const encoded = encode(one);
        for (const [at, byte] of changes) encoded[at % encoded.length] = byte;
        expect(outcomes).toContain(outcome(encoded));
      }),
      { numRuns: 5000 },
    );
  });

  test('a sample that is cut off anywhere, or has a byte too many, is malformed', () => {
    fc.assert(
      fc.property(sample, (one) => {
        const encoded = encode(one);
        for (let length = 0; length < encoded.length; length++)
          expect([length, outcome(encoded.subarray(0, length))]).toEqual([length, 'sample-malformed']);
        expect(outcome(Uint8Array.from([...encoded, 0]))).toBe('sample-malformed');
      }),
      { numRuns: 300 },
    );
  });

  const head = '004b81f81c02';
  test.each([
    ['another magic', '014b81f81c0200000000'],
    ['another schema id', '004b81f81d0200000000'],
    ['a time above 2^53', `004b81f81c${'ff'.repeat(9)}0100000000`],
    ['a branch that the union has not', `${head}12000000`],
    ['a string that is not UTF-8', `${head}0a02ff000000`],
    ['a string longer than the sample', `${head}0afeffffff0f000000`],
    ['a quality above 32 bits', `${head}0080808080200000`],
    ['a negative quality', `${head}00010000`],
    ['an array of 2^52 items', `${head}10${'80'.repeat(7)}10`],
    ['an array that holds doubles and longs', `${head}10020200000002${'00'.repeat(8)}0002020000000000`],
  ])('%s is malformed', (_, hex) => {
    expect(outcome(Buffer.from(hex, 'hex'))).toBe('sample-malformed');
  });
});
