import { describe, expect, test } from 'vitest';
import { batchOf, double, EVER, T0 } from '../../historian/kit/history-kit.ts';
import { waitFor } from '../../test/services/wait.ts';
import { Fault } from '../core/fault.ts';
import { HISTORY_TOPICS } from '../core/topics.ts';
import { TAGS, tenOfEach, World } from './keeper-kit.ts';
import type { EraseProgress } from './keeper.ts';
import type { EraseOrder } from './order.ts';
import { ORDER, orderOnRecord } from './order-kit.ts';

const nobody = (): void => undefined;

describe('an order', () => {
  test('is on record, out of the historian, told in the log and done in each place', async () => {
    await using world = new World();
    await world.historian.start();
    await world.append(tenOfEach());
    const keeper = world.keeper();
    const steps: EraseProgress[] = [];
    const upTo = Object.fromEntries(HISTORY_TOPICS.map((topic) => [topic, topic === 'samples' ? 50 : 0]));
    const state = await keeper.erase(ORDER, (step) => steps.push(step));
    const about = { by: 'eve', reason: 'a test run', tags: ['PLANT/line1/A'], prefix: false, samples: 3, upTo };
    expect(state).toMatchObject({ ...about, id: 'e-1', done: true, tagCount: 1, problems: {}, unopened: [] });
    expect(state.places.map(({ name, doneUs }) => [name, doneUs === T0])).toEqual([
      ['historian', true],
      ['log', true],
      ['tier', true],
    ]);
    // Ten of each tag, one tag behind the other.
    expect(world.erasedOffsets()).toEqual([2, 3, 4]);
    expect(state.unread).toEqual([]);
    expect(await world.values('plant/line1/a')).toEqual([0, 1, 5, 6, 7, 8, 9]);
    const { fromUs, toUs } = ORDER;
    expect(world.tier.asked).toEqual([{ tags: ['plant/line1/a'], fromUs, toUs, upTo }]);
    expect(world.events).toMatchObject([
      { topic: 'audit', key: 'eve', action: 'erase', ...about, id: 'e-1', fromUs, toUs },
      { topic: 'events', key: 'erasure/e-1', type: 'erased', ...about, id: 'e-1', fromUs, toUs },
      { topic: 'events', key: 'erasure/e-1', type: 'erasure-done', id: 'e-1', places: ['historian', 'log', 'tier'] },
    ]);
    expect(state.event).toBe(1);
    expect(steps[0]).toEqual({ place: 'counting', done: 1, total: 1, unit: 'tags' });
    expect(steps.filter(({ place }) => place === 'log')).toEqual([
      { place: 'log', done: 1, total: 1, unit: 'segments' },
    ]);
    expect(world.keeper().list()).toMatchObject([{ id: 'e-1', done: true }]);
  });

  test('of a prefix ends at a level, in whatever case the levels are written', async () => {
    await using world = new World();
    await world.historian.start();
    await world.append(tenOfEach());
    const keeper = world.keeper([]);
    const order = { ...ORDER, ...EVER, tags: ['plant/LINE1/'], prefix: true };
    const counted = { tagCount: 4, samples: 40, uncounted: ['log'], unreadable: 0 };
    expect(await keeper.preview(order, nobody)).toMatchObject(counted);
    expect(await keeper.erase(order, nobody)).toMatchObject({ done: true, tagCount: 4, samples: 40 });
    const left = await Promise.all(TAGS.map(async (tag) => (await world.values(tag)).length));
    expect(left).toEqual([0, 0, 10, 0, 0]);
  });

  test('that cannot be done in a place stays on record, is tried again with patience, and is done when the place is there: in the next life too', async () => {
    await using world = new World();
    await world.historian.start();
    await world.append(tenOfEach());
    world.tier.isThere = false;
    const first = world.keeper();
    const state = await first.erase(ORDER, nobody);
    expect(state).toMatchObject({
      done: false,
      problems: { tier: expect.stringContaining('The tier is away.') as string },
    });
    expect((await world.values('plant/line1/a')).length).toBe(7);
    for (let second = 0; second < 600; second++) {
      world.clock.pass(1000);
      first.look();
      await new Promise((resolve) => void setImmediate(resolve));
    }
    // 5, 10, 20, 40, 80, 160 s and then each 5 minutes.
    expect(world.warnings).toHaveLength(7);
    first.stop();
    const second = world.keeper();
    world.tier.isThere = true;
    await world.until(second, 'the tier', () => second.list()[0]?.done === true);
    expect(world.tier.asked).toHaveLength(1);
    expect(world.events.map(({ type }) => type)).toEqual([undefined, 'erased', 'erasure-done']);
  });

  test('that was cut off by a crash right behind its record is gone on with', async () => {
    await using world = new World();
    await world.historian.start();
    await world.append(tenOfEach());
    const order = { ...ORDER, tags: [...ORDER.tags], tagCount: 1, samples: 3, upTo: { samples: 50 } };
    world.keeper();
    const places = [{ name: 'historian', doneUs: null }];
    world.book.add({ ...orderOnRecord('e-9', false), ...order, event: null, places });
    const keeper = world.keeper();
    await world.until(keeper, 'all of it', () => keeper.list()[0]?.done === true);
    expect((await world.values('plant/line1/a')).length).toBe(7);
    expect(world.tier.asked).toHaveLength(1);
    expect(world.events).toMatchObject([{ topic: 'audit' }, { type: 'erased', id: 'e-9' }, { type: 'erasure-done' }]);
  });

  test('is done in the log behind the historian, and again where segments cannot be written', async () => {
    await using world = new World();
    await world.historian.start();
    await world.append(tenOfEach());
    world.logFault = new Fault('erase-failed', 'There is no room for a segment of topic samples.');
    const keeper = world.keeper();
    const state = await keeper.erase(ORDER, nobody);
    expect([state.done, Object.keys(state.problems)]).toEqual([false, ['log']]);
    expect(state.problems['log']).toContain('There is no room');
    expect(world.erasedOffsets()).toEqual([]);
    world.logFault = undefined;
    await world.until(keeper, 'the log', () => keeper.list()[0]?.done === true);
    expect(world.erasedOffsets()).toEqual([2, 3, 4]);
    // What the historian has not taken stays readable for it.
    await world.historian.stop();
    world.log.writer.append([{ topic: 'samples', batch: batchOf([double(TAGS[1] ?? '', 3, 3)], 0), records: 1 }]);
    world.takenMs = 100;
    const again = world.keeper();
    world.book.add({
      ...orderOnRecord('e-later', false),
      tags: [TAGS[1] ?? ''],
      upTo: { samples: 51 },
      places: [{ name: 'log', doneUs: null }],
    });
    again.look();
    await waitFor('it is tried', () => again.list()[0]?.problems['log'] !== undefined);
    expect(world.erasedOffsets()).toEqual([2, 3, 4]);
    await world.historian.start();
    await world.until(again, 'the log', () => again.list()[0]?.done === true);
    expect(world.erasedOffsets()).toEqual([2, 3, 4, 12, 13, 14, 50]);
  });

  test('tells which parts of the log it could not read, and what it has done stays on record', async () => {
    await using world = new World();
    await world.historian.start();
    await world.append(tenOfEach());
    world.unread = ['log/samples-0/00000000000000000000.log, bytes 1 to 2 (records 7 to 8)'];
    const state = await world.keeper().erase(ORDER, nobody);
    expect([state.done, state.unread]).toEqual([true, world.unread]);
    expect(world.events.at(-1)).toMatchObject({ type: 'erasure-done', unread: world.unread });
  });

  test('is of what was there when it was given, however late it is carried out: what comes later is kept everywhere', async () => {
    await using world = new World();
    await world.historian.start();
    await world.append(tenOfEach());
    world.keeper();
    const order = { ...orderOnRecord('e-7', false), tags: ORDER.tags as string[], upTo: { samples: 50 } };
    world.book.add(order);
    await world.append([double('plant/line1/a', 3, 33), double('plant/line1/a', 4, 44)]);
    const keeper = world.keeper();
    await world.until(keeper, 'all of it', () => keeper.list()[0]?.done === true);
    expect(world.erasedOffsets()).toEqual([2, 3, 4]);
    expect(await world.values('plant/line1/a')).toEqual([0, 1, 33, 44, 5, 6, 7, 8, 9]);
  });

  test('counts as done in another place only behind the historian, out of which that place may take it again; until then it is out of its answers', async () => {
    await using world = new World();
    await world.historian.start();
    await world.append(tenOfEach());
    await world.historian.stop();
    world.keeper();
    const places = [
      { name: 'historian', doneUs: null },
      { name: 'tier', doneUs: null },
    ];
    world.book.add({ ...orderOnRecord('e-8', false), tags: ORDER.tags as string[], upTo: { samples: 50 }, places });
    world.takenMs = 100;
    const keeper = world.keeper();
    keeper.look();
    const problem = (place: string): string | undefined => keeper.list()[0]?.problems[place];
    await waitFor('both are tried', () => problem('historian') !== undefined && problem('tier') !== undefined);
    expect([problem('tier'), world.tier.asked.length]).toEqual([expect.stringContaining('on record'), 1]);
    await world.historian.start();
    await world.until(keeper, 'all of it', () => keeper.list()[0]?.done === true);
    expect(world.tier.asked).toHaveLength(2);
  });

  test('is told to be done though the gateway ended just before that, once; and what could not be read stays known', async () => {
    await using world = new World();
    await world.historian.start();
    await world.append(tenOfEach());
    world.unread = ['log/samples-0/00000000000000000000.log, bytes 1 to 2 (records 7 to 8)'];
    const { id } = await world.keeper().erase(ORDER, nobody);
    world.book.change(id, { doneEvent: null });
    world.events.length = 0;
    const keeper = world.keeper();
    expect(keeper.list()).toMatchObject([{ done: true, unread: world.unread }]);
    await world.until(keeper, 'it to be told', () => world.events.length > 0);
    expect(world.events).toMatchObject([{ type: 'erasure-done', id, unread: world.unread }]);
    await waitFor('that to be on record', () => world.book.find(id)?.doneEvent !== null);
    const next = world.keeper();
    for (let second = 0; second < 20; second++) {
      world.clock.pass(1000);
      next.look();
    }
    expect(world.events).toHaveLength(1);
  });

  test('of an earlier version, which left the log alone, is done there too while the log has such records', async () => {
    await using world = new World();
    await world.historian.start();
    await world.append(tenOfEach());
    world.keeper();
    const order = { ...orderOnRecord('e-old', true), tags: ORDER.tags as string[], upTo: { samples: 50 } };
    world.book.add(order);
    const keeper = world.keeper([]);
    await world.until(keeper, 'the log', () => keeper.list()[0]?.done === true);
    expect(world.erasedOffsets()).toEqual([2, 3, 4]);
  });

  test('waits for a historian that does not run, and for a log that takes no event', async () => {
    await using world = new World();
    await world.historian.start();
    await world.append(tenOfEach());
    await world.historian.stop();
    const keeper = world.keeper();
    await expect(keeper.erase(ORDER, nobody)).rejects.toMatchObject({ code: 'not-ready' });
    expect(keeper.list()).toEqual([]);
    await world.historian.start();
    world.takesEvents = false;
    const state = await keeper.erase(ORDER, nobody);
    expect([state.done, state.event, Object.keys(state.problems)]).toEqual([false, null, ['event']]);
    expect((await world.values('plant/line1/a')).length).toBe(7);
    world.takesEvents = true;
    await world.until(keeper, 'the event', () => keeper.list()[0]?.done === true);
    expect(world.events.map(({ type }) => type)).toEqual([undefined, 'erased', 'erasure-done']);
  });

  test('is done and told again with patience, not each second, while its record cannot be written', async () => {
    await using world = new World();
    await world.historian.start();
    await world.append(tenOfEach());
    const keeper = world.keeper();
    world.takesEvents = false;
    world.tier.isThere = false;
    const { id } = await keeper.erase(ORDER, nobody);
    world.takesEvents = true;
    world.tier.isThere = true;
    world.takesBook = false;
    const told = (): number => world.events.filter(({ type }) => type === 'erased').length;
    let seconds = 0;
    await world.until(keeper, 'it to be told twice', () => ++seconds > 0 && told() === 2);
    expect(seconds).toBeGreaterThan(10);
    const [state] = keeper.list();
    expect([state?.done, state?.problems['event']]).toEqual([false, expect.stringContaining('ENOSPC')]);
    world.takesBook = true;
    await world.until(keeper, 'it to be done', () => keeper.list()[0]?.done === true);
    expect(told()).toBe(3);
    const onRecord = world.newBook();
    onRecord.open();
    expect(onRecord.find(id)?.places.every(({ doneUs }) => doneUs !== null)).toBe(true);
  });

  test('a place that comes later gets what the log may still bring it; one that is not configured any more is named and not waited for', async () => {
    await using world = new World();
    await world.historian.start();
    await world.append(tenOfEach());
    expect((await world.keeper([]).erase(ORDER, nobody)).done).toBe(true);
    const keeper = world.keeper();
    expect(keeper.list()).toMatchObject([{ done: false }]);
    await world.until(keeper, 'the tier', () => world.tier.asked.length > 0);
    world.tier.isThere = false;
    await keeper.erase({ ...ORDER, fromUs: T0, toUs: T0 + 1e6 }, nobody);
    const without = world.keeper([]);
    world.warnings.length = 0;
    for (let second = 0; second < 600; second++) {
      world.clock.pass(1000);
      without.look();
    }
    expect(world.warnings).toEqual([]);
    const [last] = without.list();
    expect([last?.done, last?.problems['tier']]).toEqual([
      false,
      'It is not configured any more: what it holds is not reached.',
    ]);
  });

  test('is refused for unknown tags and an empty span; nothing is on record then', async () => {
    await using world = new World();
    await world.historian.start();
    const keeper = world.keeper();
    const refusals: [Partial<EraseOrder>, string][] = [
      [{ tags: ['plant/none'] }, 'tag-unknown'],
      [{ tags: ['plant/lin'], prefix: true }, 'tag-unknown'],
      [{ toUs: ORDER.fromUs }, 'erase-refused'],
    ];
    for (const [more, code] of refusals)
      await expect(keeper.erase({ ...ORDER, ...more }, nobody)).rejects.toMatchObject({ code });
    expect([keeper.list(), world.events]).toEqual([[], []]);
  });
});
