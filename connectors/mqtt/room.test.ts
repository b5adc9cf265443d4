import { setImmediate as nextTurn } from 'node:timers/promises';
import { describe, expect, test } from 'vitest';
import { Room, type Waiter } from './room.ts';

function waiter(log: string[], name: string, then: () => void = () => undefined): Waiter {
  return {
    resume: () => {
      log.push(name);
      then();
    },
  };
}

describe('room that many share', () => {
  test('what does not fit waits, first come first served, and has its bytes when it goes on', async () => {
    const room = new Room(10);
    const log: string[] = [];
    expect([room.tryTake(8), room.tryTake(3)]).toEqual([true, false]);
    room.wait(waiter(log, 'large'), 9);
    room.wait(waiter(log, 'small'), 1);
    // Nobody goes ahead of those who wait, though there is room.
    expect([room.tryTake(1), room.open]).toEqual([false, false]);
    room.give(2);
    await nextTurn();
    expect(log).toEqual([]);
    room.give(6);
    await nextTurn();
    expect([log, room.taken]).toEqual([['large', 'small'], 10]);
  });

  test('who leaves lets the next one in', async () => {
    const room = new Room(10);
    const log: string[] = [];
    const large = waiter(log, 'large');
    room.take(5);
    room.wait(large, 10);
    room.wait(waiter(log, 'small'), 5);
    room.leave(large);
    await nextTurn();
    expect(log).toEqual(['small']);
  });

  test('those who wait for anything at all each see what the one before took', async () => {
    const room = new Room(10);
    const log: string[] = [];
    room.take(12);
    for (const name of ['a', 'b', 'c'])
      room.wait(
        waiter(log, name, () => room.take(6)),
        0,
      );
    room.give(12);
    await nextTurn();
    expect([log, room.taken]).toEqual([['a', 'b'], 12]);
  });
});
