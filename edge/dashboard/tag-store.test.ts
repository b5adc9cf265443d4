import { describe, expect, test } from 'vitest';
import type { Sample, Tag } from './api-types.ts';
import { TagState, TagStore } from './tag-store.ts';

const NOW_MS = Date.UTC(2026, 2, 1, 12);

function tag(path: string, members: Partial<Tag> = {}): Tag {
  return { path, type: 'double', unit: 'bar', connector: 'floor', kind: 'mqtt-broker', ...members };
}

function sample(secondsAgo: number, value: unknown, members: Partial<Sample> = {}): Sample {
  return { tag: 's/a/x', time: new Date(NOW_MS - secondsAgo * 1000).toISOString(), value, quality: 0, ...members };
}

describe('a tag', () => {
  test('shows its last sample; late data does not take its place', () => {
    const state = new TagState(tag('s/a/x'));
    expect(state.take(sample(2, 1), NOW_MS)).toBe(true);
    expect(state.take(sample(5, 2), NOW_MS)).toBe(false);
    expect(state.take(sample(1, 3, { flags: ['clockSuspect'] }), NOW_MS)).toBe(true);
    expect([state.value, state.clockSuspect, state.recent]).toEqual([3, true, [1, 3]]);
  });

  test('keeps its digits as its readings get smaller; whole numbers have none', () => {
    const state = new TagState(tag('s/a/x'));
    state.take(sample(3, 118.4), NOW_MS);
    state.take(sample(2, 3.2), NOW_MS);
    expect(state.decimals).toBe(1);
    const counter = new TagState(tag('s/a/n', { type: 'long' }));
    counter.take(sample(1, 7), NOW_MS);
    expect(counter.decimals).toBe(0);
  });

  test('is stale after half a minute, or ten times its interval', () => {
    const state = new TagState(tag('s/a/x'));
    state.take(sample(40, 1), NOW_MS);
    expect(state.staleFor(NOW_MS)).toBe(40_000);
    state.take(sample(0, 2), NOW_MS);
    expect(state.staleFor(NOW_MS)).toBeUndefined();
    expect(state.staleFor(NOW_MS + 60_000)).toBeUndefined();
    expect(state.staleFor(NOW_MS + 401_000)).toBe(401_000);
  });

  test('whose fresh samples are old says how far they lie back', () => {
    const state = new TagState(tag('s/a/x'));
    state.take(sample(3601, 1), NOW_MS - 1000);
    state.take(sample(3600, 2), NOW_MS);
    expect(state.behind(NOW_MS)).toBe(3_600_000);
    expect(state.staleFor(NOW_MS)).toBeUndefined();
  });

  test('remembers 60 good numbers; what it is reminded of goes before', () => {
    const state = new TagState(tag('s/a/x'));
    for (let i = 70; i > 0; i--) state.take(sample(i, i), NOW_MS);
    state.take(sample(0, -1, { quality: 0x80000000 }), NOW_MS);
    expect([state.recent.length, state.recent[0], state.recent.at(-1), state.severity]).toEqual([60, 60, 1, 'bad']);
    const other = new TagState(tag('s/a/y'));
    other.take(sample(0, 9), NOW_MS);
    other.remindOf([1, 2]);
    expect(other.recent).toEqual([1, 2, 9]);
  });
});

describe('the tags', () => {
  test('of the list are known once; a unit that was learned since keeps the value', () => {
    const store = new TagStore();
    expect(store.know([tag('s/a/x', { unit: null }), tag('s/a/y')])).toBe(2);
    store.take([sample(1, 5)], NOW_MS);
    expect(store.know([tag('s/a/x'), tag('s/a/y')])).toBe(1);
    expect([store.size, store.get('s/a/x')?.unit, store.get('s/a/x')?.value]).toEqual([2, 'bar', 5]);
  });

  test('tell which of them changed, and whether one is not on the list', () => {
    const store = new TagStore();
    store.know([tag('s/a/x')]);
    const { changed, unknown } = store.take([sample(1, 5), sample(2, 6), sample(0, 1, { tag: 's/new' })], NOW_MS);
    expect([changed.map(({ path }) => path), unknown]).toEqual([['s/a/x'], true]);
    expect(store.take([], NOW_MS)).toEqual({ changed: [], unknown: false });
  });
});
