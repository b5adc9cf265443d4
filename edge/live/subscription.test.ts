import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { ValueKind } from '../core/sample.ts';
import type { LiveItem } from './messages.ts';
import { Subscription } from './subscription.ts';

function item(tag: string, timeUs: number): LiveItem {
  return { tag, timeUs, kind: ValueKind.double, value: timeUs, quality: 0, flags: 0 };
}

/** The next update as [tag, time]. */
function taken(subscription: Subscription): (readonly [string, number])[] | undefined {
  return subscription.take()?.map(({ tag, timeUs }) => [tag, timeUs] as const);
}

describe('a subscription', () => {
  test('wants what fits one of its patterns, in any case', () => {
    const subscription = new Subscription(['plant/loop/*', 'PLANT/press']);
    const paths = ['plant/loop/flow', 'Plant/Loop/Flow', 'plant/press', 'plant/loop/a/b', 'plant/press/a'];
    expect(paths.map((path) => subscription.wants(path))).toEqual([true, true, true, false, false]);
    expect(paths.map((path) => subscription.wants(path))).toEqual([true, true, true, false, false]);
  });

  test('gives the newest sample of each tag once; of the same time the later one', () => {
    const subscription = new Subscription(['**']);
    for (const [tag, time] of [
      ['a', 1],
      ['b', 5],
      ['a', 3],
      ['b', 4],
    ] as const)
      subscription.offer(item(tag, time));
    expect(taken(subscription)).toEqual([
      ['a', 3],
      ['b', 5],
    ]);
    subscription.taken();
    expect(taken(subscription)).toBeUndefined();
    subscription.offer({ ...item('a', 7), value: 1 });
    subscription.offer({ ...item('a', 7), value: 2 });
    expect(subscription.take()?.map(({ value }) => value)).toEqual([2]);
  });

  test('gives no update before the last one was taken, and then what came meanwhile', () => {
    const subscription = new Subscription(['**']);
    subscription.offer(item('a', 1));
    expect(taken(subscription)).toEqual([['a', 1]]);
    for (let time = 2; time < 1000; time++) subscription.offer(item('a', time));
    expect(taken(subscription)).toBeUndefined();
    subscription.taken();
    expect(taken(subscription)).toEqual([['a', 999]]);
  });

  test('gives at most 10,000 tags in one update, the others with the next', () => {
    const subscription = new Subscription(['**']);
    for (let i = 0; i < 10_001; i++) subscription.offer(item(`t${i}`, 1));
    expect(taken(subscription)).toHaveLength(10_000);
    subscription.taken();
    expect(taken(subscription)).toEqual([['t10000', 1]]);
  });

  test('after any samples and pauses, the last update of each tag is its newest sample', () => {
    const step = fc.oneof(
      fc.record({ tag: fc.constantFrom('a', 'b', 'c'), timeUs: fc.nat(1000) }),
      fc.constant('take' as const),
    );
    fc.assert(
      fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
        const subscription = new Subscription(['**']);
        const newest = new Map<string, number>();
        const seen = new Map<string, number>();
        const take = (): void => {
          subscription.taken();
          for (const [tag, time] of taken(subscription) ?? []) seen.set(tag, Math.max(time, seen.get(tag) ?? 0));
        };
        for (const one of steps) {
          if (one === 'take') take();
          else {
            subscription.offer(item(one.tag, one.timeUs));
            newest.set(one.tag, Math.max(one.timeUs, newest.get(one.tag) ?? 0));
          }
        }
        take();
        expect(seen).toEqual(newest);
      }),
    );
  });
});
