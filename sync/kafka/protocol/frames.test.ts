import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { FrameAssembler } from './frames.ts';

function framed(bodies: readonly Uint8Array[]): Buffer {
  return Buffer.concat(
    bodies.flatMap((body) => {
      const size = Buffer.alloc(4);
      size.writeInt32BE(body.length);
      return [size, body];
    }),
  );
}

/** The stream cut at these places. */
function cut(stream: Buffer, places: readonly number[]): Buffer[] {
  const edges = [0, ...places.map((place) => place % (stream.length + 1)).toSorted((a, b) => a - b), stream.length];
  return edges.slice(1).map((edge, index) => stream.subarray(edges[index], edge));
}

test('frames come out as they went in, however the stream is cut', () => {
  const bodies = fc.array(fc.uint8Array({ minLength: 4, maxLength: 9000, size: '+1' }), { maxLength: 6 });
  fc.assert(
    fc.property(bodies, fc.array(fc.nat(60_000), { maxLength: 12 }), (sent, places) => {
      const assembler = new FrameAssembler(9000);
      const received = cut(framed(sent), places).flatMap((chunk) => assembler.push(chunk));
      expect(received.map((frame) => Buffer.from(frame))).toEqual(sent.map((body) => Buffer.from(body)));
    }),
  );
});

test('frames come out of single bytes too', () => {
  const sent = [Buffer.from('first'), Buffer.from('the second one')];
  const assembler = new FrameAssembler(100);
  const received = [...framed(sent)].flatMap((byte) => assembler.push(Uint8Array.of(byte)));
  expect(received.map((frame) => Buffer.from(frame))).toEqual(sent);
});

test('a size below a correlation id or above the bound is a fault as soon as it is read', () => {
  for (const size of [-1, 0, 3, 1001, 0x7fffffff]) {
    const bytes = Buffer.alloc(4);
    bytes.writeInt32BE(size);
    expect(() => new FrameAssembler(1000).push(bytes)).toThrow(`A response of ${size} bytes`);
    const slow = new FrameAssembler(1000);
    slow.push(bytes.subarray(0, 3));
    expect(() => slow.push(bytes.subarray(3))).toThrow(`A response of ${size} bytes`);
  }
});

test('a large size alone takes no memory', () => {
  const bytes = Buffer.alloc(100);
  bytes.writeInt32BE(128 * 1024 * 1024);
  const before = process.memoryUsage().arrayBuffers;
  const assemblers = Array.from({ length: 50 }, () => new FrameAssembler(128 * 1024 * 1024));
  for (const assembler of assemblers) expect(assembler.push(bytes)).toEqual([]);
  expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(1024 * 1024);
});
