import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { createRing, REFUSED, RING_BYTES, RING_SLOTS, RingInlet, RingOutlet } from './ring.ts';

/** Bytes that say which batch they belong to. */
function batchOf(number: number, bytes: number): Uint8Array {
  return new Uint8Array(bytes).fill(number % 251);
}

interface Taken {
  readonly topic: number;
  readonly records: number;
  readonly bytes: number;
  readonly whole: boolean;
}

/** Takes up to so many batches; each is answered with the number that `answer` gives. */
function take(outlet: RingOutlet, limit: number, answer: () => number): Taken[] {
  const taken: Taken[] = [];
  outlet.take((topic, records, at, bytes) => {
    if (taken.length === limit) return undefined;
    const content = outlet.data.subarray(at, at + bytes);
    taken.push({ topic, records, bytes, whole: content.every((byte) => byte === records % 251) });
    return answer();
  });
  return taken;
}

describe('a ring', () => {
  test('whatever is put, taken, answered and settled in whatever order: each batch arrives whole, once, in order, and so do the answers', () => {
    const bytes = fc.oneof(fc.integer({ min: 1, max: 300 }), fc.integer({ min: 1, max: 900_000 }));
    const step = fc.oneof(
      fc.record({ do: fc.constant('put' as const), bytes, topic: fc.nat(6) }),
      fc.record({ do: fc.constant('take' as const), limit: fc.nat(20) }),
      fc.constantFrom({ do: 'answer' as const }, { do: 'settle' as const }),
    );
    fc.assert(
      fc.property(fc.array(step, { maxLength: 200 }), (steps) => {
        const memory = createRing();
        const inlet = new RingInlet(memory);
        const outlet = new RingOutlet(memory);
        const put: Taken[] = [];
        const taken: Taken[] = [];
        const settled: number[] = [];
        let answered = 0;
        for (const one of steps) {
          if (one.do === 'put') {
            if (!inlet.fits(one.bytes)) continue;
            inlet.put(one.topic, batchOf(put.length, one.bytes), put.length);
            put.push({ topic: one.topic, records: put.length, bytes: one.bytes, whole: true });
          } else if (one.do === 'take') {
            let next = taken.length;
            taken.push(...take(outlet, one.limit, () => next++));
          } else if (one.do === 'answer') {
            outlet.answer(true);
            answered = taken.length;
          } else inlet.settle((answer) => settled.push(answer));
          expect(inlet.pending).toBe(put.length - settled.length);
        }
        inlet.settle((answer) => settled.push(answer));
        expect(taken).toEqual(put.slice(0, taken.length));
        expect(settled).toEqual(Array.from({ length: answered }, (_, i) => i));
      }),
    );
  });

  test('a full one has no room until something is answered and settled; then it has', () => {
    const memory = createRing();
    const [inlet, outlet] = [new RingInlet(memory), new RingOutlet(memory)];
    let count = 0;
    while (inlet.fits(900_000)) inlet.put(0, batchOf(count, 900_000), count++);
    expect(count).toBe(Math.floor(RING_BYTES / 900_000));
    expect(take(outlet, 2, () => 0)).toHaveLength(2);
    expect(inlet.fits(900_000)).toBe(false);
    outlet.answer(true);
    expect(inlet.fits(900_000)).toBe(false);
    inlet.settle(() => undefined);
    expect(inlet.fits(900_000)).toBe(true);
    expect(() => inlet.put(0, new Uint8Array(RING_BYTES), 1)).toThrow('smaller than the ring');
  });

  test('has room for so many batches, however small; the counts wrap', () => {
    const memory = createRing();
    const [inlet, outlet] = [new RingInlet(memory), new RingOutlet(memory)];
    let next = 0;
    for (let round = 0; round < 3; round++) {
      let count = 0;
      for (; inlet.fits(1); count++) inlet.put(0, batchOf(count, 1), count);
      expect(count).toBe(RING_SLOTS);
      take(outlet, RING_SLOTS, () => next++);
      outlet.answer(true);
      const settled: number[] = [];
      inlet.settle((answer) => settled.push(answer));
      expect([settled.length, settled[0], settled.at(-1)]).toEqual([RING_SLOTS, next - RING_SLOTS, next - 1]);
    }
  });

  test('while little is under way, little of it is touched', () => {
    const memory = createRing();
    const [inlet, outlet] = [new RingInlet(memory), new RingOutlet(memory)];
    for (let i = 0; i < 100; i++) {
      inlet.put(0, batchOf(7, 100_000), 7);
      take(outlet, 1, () => 0);
      outlet.answer(true);
      inlet.settle(() => undefined);
    }
    expect(outlet.data.subarray(100_000).every((byte) => byte === 0)).toBe(true);
  });

  test('a group that cannot become durable is refused as a whole, and nothing of it counts as taken twice', () => {
    const memory = createRing();
    const [inlet, outlet] = [new RingInlet(memory), new RingOutlet(memory)];
    for (let i = 0; i < 3; i++) inlet.put(0, batchOf(i, 10), i);
    take(outlet, 2, () => 5);
    outlet.refuse();
    expect(outlet.waiting).toBe(true);
    const settled: number[] = [];
    inlet.settle((answer) => settled.push(answer));
    expect(settled).toEqual([REFUSED, REFUSED]);
    expect(take(outlet, 9, () => 6)).toMatchObject([{ records: 2 }]);
    expect(outlet.waiting).toBe(false);
  });

  test('answers are given up to the first batch that becomes durable later, and no further', () => {
    const memory = createRing();
    const [inlet, outlet] = [new RingInlet(memory), new RingOutlet(memory)];
    for (let i = 0; i < 4; i++) inlet.put(i === 2 ? 1 : 0, batchOf(i, 10), i);
    let taken = 0;
    outlet.take((topic) => {
      if (topic === 1) outlet.noteLazy();
      return taken++;
    });
    const settled: number[] = [];
    outlet.answer(false);
    inlet.settle((answer) => settled.push(answer));
    expect([settled, outlet.holdsLazy]).toEqual([[0, 1], true]);
    outlet.answer(true);
    inlet.settle((answer) => settled.push(answer));
    expect([settled, outlet.holdsLazy]).toEqual([[0, 1, 2, 3], false]);
  });

  test('who waits is woken by an answer, and by the end', async () => {
    const memory = createRing();
    const [inlet, outlet] = [new RingInlet(memory), new RingOutlet(memory)];
    inlet.put(0, batchOf(0, 10), 0);
    const answered = inlet.changed(inlet.generation());
    take(outlet, 1, () => 0);
    outlet.answer(true);
    await answered;
    const ended = inlet.changed(inlet.generation());
    expect(inlet.closed).toBe(false);
    outlet.close();
    await ended;
    expect(inlet.closed).toBe(true);
  });
});
