import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { crc16 } from './crc16.ts';
import type { Framing } from './framing.ts';
import { Mbap } from './mbap.ts';
import { type Answer, type Broken, dataBytesOf, functionOf, type Request } from './request.ts';
import { Rtu } from './rtu.ts';

const REQUEST: Request = { unit: 7, table: 'holding', address: 0x0102, count: 2 };
const PDU = [3, 4, 0xde, 0xad, 0xbe, 0xef];
const DATA: Answer = { type: 'data', bytes: Uint8Array.of(0xde, 0xad, 0xbe, 0xef) };

/** A frame of Modbus TCP. */
function mbap(id: number, unit: number, pdu: readonly number[]): number[] {
  return [id >> 8, id & 0xff, 0, 0, 0, pdu.length + 1, unit, ...pdu];
}

/** A frame of Modbus RTU. */
function rtu(unit: number, pdu: readonly number[]): number[] {
  const crc = crc16(Uint8Array.of(unit, ...pdu));
  return [unit, ...pdu, crc & 0xff, crc >> 8];
}

function receive(framing: Framing, ...bytes: number[]): Answer | Broken | undefined {
  return framing.receive(Uint8Array.from(bytes));
}

const brokenBy = (detail: RegExp): unknown => ({ type: 'broken', detail: expect.stringMatching(detail) as string });

describe('Modbus TCP', () => {
  test('a question is the frame of the specification; the next one has the next transaction id', () => {
    const framing = new Mbap();
    expect([...framing.ask(REQUEST)]).toEqual([0, 1, 0, 0, 0, 6, 7, 3, 1, 2, 0, 2]);
    expect([...framing.ask(REQUEST)].slice(0, 2)).toEqual([0, 2]);
  });

  test('data and exceptions are answers', () => {
    const framing = new Mbap();
    framing.ask(REQUEST);
    expect(receive(framing, ...mbap(1, 7, PDU))).toEqual(DATA);
    framing.ask(REQUEST);
    expect(receive(framing, ...mbap(2, 7, [0x83, 2]))).toEqual({ type: 'exception', code: 2 });
  });

  test.each([
    ['another unit', mbap(1, 8, PDU), /unit 8 answered, 7 was asked/],
    ['another function', mbap(1, 7, [4, ...PDU.slice(1)]), /function 4 answered, 3 was asked/],
    ['an exception of another function', mbap(1, 7, [0x84, 2]), /function 132/],
    ['another byte count', mbap(1, 7, [3, 2, 0, 0]), /2 bytes of data are announced, 4/],
    ['a byte count that lies', mbap(1, 7, [3, 4, 0, 0]), /2 bytes of data, 4/],
    ['a longer exception', mbap(1, 7, [0x83, 2, 0]), /an exception of 3 bytes/],
    ['a transaction that nobody began', mbap(9, 7, PDU), /transaction 9/],
  ])('%s is broken', (_name, bytes, detail) => {
    const framing = new Mbap();
    framing.ask(REQUEST);
    expect(receive(framing, ...bytes)).toEqual(brokenBy(detail));
    framing.ask(REQUEST);
    expect(receive(framing, ...mbap(2, 7, PDU))).toEqual(DATA);
  });

  test('a late answer is dropped, alone or before the right one', () => {
    const framing = new Mbap();
    framing.ask(REQUEST);
    expect(framing.giveUp()).toBeUndefined();
    framing.ask(REQUEST);
    expect(receive(framing, ...mbap(1, 7, [3, 4, 0, 0, 0, 0]), ...mbap(2, 7, PDU))).toEqual(DATA);
    // Also after a foreign answer the right one is late, not foreign.
    framing.ask(REQUEST);
    expect(receive(framing, ...mbap(77, 7, PDU))).toMatchObject({ type: 'broken' });
    framing.ask(REQUEST);
    expect(receive(framing, ...mbap(3, 7, PDU))).toBeUndefined();
    expect(receive(framing, ...mbap(4, 7, PDU))).toEqual(DATA);
  });

  test('behind a torn answer, whether its end comes or not, the next one is found', () => {
    const frame = mbap(1, 7, PDU);
    for (const tail of [[], frame.slice(9)]) {
      const framing = new Mbap();
      framing.ask(REQUEST);
      expect(receive(framing, ...frame.slice(0, 9))).toBeUndefined();
      expect(framing.giveUp()).toEqual(brokenBy(/ends too early/));
      framing.ask(REQUEST);
      expect(receive(framing, ...tail, ...mbap(2, 7, PDU))).toEqual(DATA);
      framing.ask(REQUEST);
      expect(receive(framing, ...mbap(3, 7, PDU))).toEqual(DATA);
    }
  });

  test('what came unasked and has no end does not swallow the answer', () => {
    const framing = new Mbap();
    receive(framing, 0, 9, 0, 0, 0, 200, 7, 3);
    framing.ask(REQUEST);
    expect(receive(framing, ...mbap(1, 7, PDU))).toEqual(DATA);
  });

  test('where no header can be found the stream is adrift', () => {
    const framing = new Mbap();
    framing.ask(REQUEST);
    expect(receive(framing, ...Array.from({ length: 300 }, () => 0x55))).toBeUndefined();
    expect(framing.giveUp()).toMatchObject({ type: 'broken', adrift: true });
    framing.ask(REQUEST);
    expect(framing.giveUp()).toBeUndefined();
  });
});

describe('Modbus RTU in a stream', () => {
  test('the checksum is that of the specification', () => {
    expect(crc16(Buffer.from('123456789'))).toBe(0x4b37);
    expect([...new Rtu().ask({ unit: 1, table: 'holding', address: 0, count: 10 })]).toEqual([
      1, 3, 0, 0, 0, 10, 0xc5, 0xcd,
    ]);
  });

  test('data and exceptions are answers', () => {
    const framing = new Rtu();
    framing.ask(REQUEST);
    expect(receive(framing, ...rtu(7, PDU))).toEqual(DATA);
    framing.ask(REQUEST);
    expect(receive(framing, ...rtu(7, [0x83, 2]))).toEqual({ type: 'exception', code: 2 });
  });

  test.each([
    ['a wrong checksum', [...rtu(7, PDU).slice(0, -1), 0], /checksum/],
    ['another unit', rtu(8, PDU), /unit 8 answered, 7 was asked/],
    ['another function', rtu(7, [4, ...PDU.slice(1)]), /function 4 answered, 3 was asked/],
    ['another byte count', rtu(7, [3, 2, 0, 0]), /2 bytes of data are announced, 4/],
  ])('%s is broken', (_name, bytes, detail) => {
    const framing = new Rtu();
    framing.ask(REQUEST);
    expect(receive(framing, ...bytes)).toEqual(brokenBy(detail));
    framing.ask(REQUEST);
    expect(receive(framing, ...rtu(7, PDU))).toEqual(DATA);
  });

  test('the answer is found behind noise, behind a torn one, and behind a late one of another unit', () => {
    const framing = new Rtu();
    framing.ask(REQUEST);
    expect(receive(framing, 0xff, 0, ...rtu(7, PDU))).toEqual(DATA);
    framing.ask(REQUEST);
    expect(receive(framing, ...rtu(7, PDU).slice(0, 5))).toBeUndefined();
    expect(framing.giveUp()).toEqual(brokenBy(/ends too early/));
    framing.ask({ ...REQUEST, unit: 8 });
    expect(receive(framing, ...rtu(7, PDU), ...rtu(8, PDU))).toEqual(DATA);
  });
});

const requests = fc.record({
  unit: fc.integer({ min: 0, max: 255 }),
  table: fc.constantFrom('coil' as const, 'discrete' as const, 'input' as const, 'holding' as const),
  address: fc.integer({ min: 0, max: 65_000 }),
  count: fc.integer({ min: 1, max: 125 }),
});

function answerPdu(request: Request): number[] {
  const bytes = dataBytesOf(request);
  return [functionOf(request), bytes, ...Array.from({ length: bytes }, (_, i) => i & 0xff)];
}

describe.each([
  ['tcp', () => new Mbap(), (request: Request, id: number) => mbap(id, request.unit, answerPdu(request))],
  ['rtu', () => new Rtu(), (request: Request) => rtu(request.unit, answerPdu(request))],
] as const)('whatever comes, framing %s', (_name, create, frameOf) => {
  test('an answer in pieces is the same answer', () => {
    fc.assert(
      fc.property(requests, fc.array(fc.integer({ min: 1, max: 20 }), { maxLength: 20 }), (request, pieces) => {
        const framing = create();
        framing.ask(request);
        const frame = frameOf(request, 1);
        let outcome: Answer | Broken | undefined;
        let at = 0;
        for (const length of [...pieces, frame.length]) {
          outcome ??= receive(framing, ...frame.slice(at, at + length));
          at += length;
        }
        expect(outcome).toEqual({ type: 'data', bytes: Uint8Array.from(answerPdu(request).slice(2)) });
      }),
    );
  });

  test('nothing makes it throw or grow, and afterwards a right answer is understood', () => {
    const noise = fc.oneof(
      fc.uint8Array({ maxLength: 600 }),
      requests.map((request) => Uint8Array.from(frameOf(request, 3))),
      requests.map((request) => Uint8Array.from(frameOf(request, 3).slice(0, 6))),
    );
    const step = fc.oneof(noise, requests, fc.constant('giveUp' as const));
    fc.assert(
      fc.property(fc.array(step, { maxLength: 40 }), requests, (steps, request) => {
        const framing = create();
        let id = 0;
        for (const each of steps) {
          if (each === 'giveUp') framing.giveUp();
          else if (each instanceof Uint8Array) framing.receive(each);
          else {
            framing.ask(each);
            id++;
          }
          expect((Reflect.get(framing, 'rest') as Uint8Array).length).toBeLessThan(300);
        }
        framing.giveUp();
        framing.ask(request);
        framing.giveUp();
        framing.ask(request);
        const outcome = receive(framing, ...frameOf(request, id + 2));
        expect(outcome).toEqual({ type: 'data', bytes: Uint8Array.from(answerPdu(request).slice(2)) });
      }),
      { numRuns: 300 },
    );
  });
});
