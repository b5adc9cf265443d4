import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { faultNames } from '../../firmware-sim/faults.ts';
import { figure } from '../end-to-end/figures.ts';
import { type Gateway, millrace } from '../end-to-end/gateway.ts';
import { historyByHttp } from '../end-to-end/history.ts';
import { imbalances, linksCaughtUp, settledLedger } from '../end-to-end/ledger.ts';
import { random, testSeed } from '../end-to-end/random.ts';
import { dumpFrom } from '../end-to-end/topic-dump.ts';
import { startKafka, type Kafka } from '../services/kafka.ts';
import { requireService } from '../services/require.ts';
import {
  alarmsOf,
  changingTags,
  type AlarmItem,
  type FaultItem,
  itemsOf,
  kinds,
  modelOf,
  setFault,
  startDemo,
} from './demo.ts';

/** The long run: MILLRACE_LONG=1. */
const long = process.env['MILLRACE_LONG'] === '1';
const services = requireService('kafka');

const readyLimitMs = 60_000;
const activeLimitMs = 180_000;
const quietMs = long ? 300_000 : 60_000;
const alarmLimitMs = 60_000;
const goneLimitMs = 120_000;
/** Asked for are 10 s; a plant that does not end when it is told to is killed after 5. */
const stopLimitMs = 5000;
/** A process that finds what an earlier one has left: it need not wait for the plant. */
const againLimitMs = 60_000;
const lookEveryMs = 500;

const scoreTag = 'demo/water/loop1/loop1-health-score';

/** Place of the first of a fault's signals in an alarm's reasons, from 1; Infinity: none of them is a reason. */
function rankOf(alarm: AlarmItem, { signals }: FaultItem): number {
  const place = alarm.reasons.findIndex(({ signal }) => signals.includes(signal));
  return place < 0 ? Infinity : place + 1;
}

/** The alarm with reasons that stands on a fault's asset. */
async function alarmOn(demo: Gateway, { asset }: FaultItem): Promise<AlarmItem | undefined> {
  return (await alarmsOf(demo)).find((alarm) => alarm.asset === asset && alarm.reasons.length > 0);
}

function quiet(demo: Gateway, limitMs = goneLimitMs): Promise<void> {
  return demo.until('no alarm stands', async () => (await alarmsOf(demo)).length === 0, limitMs);
}

/** What the alarm of a fault was like in the first minute, in seconds from the fault's beginning. */
interface Seen {
  readonly raisedS: number;
  readonly bestRank: number;
  /** At the end of the minute. */
  readonly lastRank: number;
  readonly message: string;
}

async function watchFault(demo: Gateway, fault: FaultItem): Promise<Seen> {
  const startMs = performance.now();
  await setFault(demo, fault.name, true);
  let raisedS = Infinity;
  let bestRank = Infinity;
  let last: AlarmItem | undefined;
  while (performance.now() - startMs < alarmLimitMs) {
    last = await alarmOn(demo, fault);
    if (last !== undefined) {
      raisedS = Math.min(raisedS, (performance.now() - startMs) / 1000);
      bestRank = Math.min(bestRank, rankOf(last, fault));
    }
    await pause(lookEveryMs);
  }
  const lastRank = last === undefined ? Infinity : rankOf(last, fault);
  return { raisedS, bestRank, lastRank, message: last?.message ?? 'none' };
}

/** `millrace demo`, one process after the other on the same data; the tests tell its story in order. */
describe('the demo', () => {
  let demo: Gateway;
  let kafka: Kafka | undefined;
  let readyMs = 0;
  let activeMs = 0;

  beforeAll(async () => {
    demo = await startDemo(testSeed());
    readyMs = performance.now() - demo.startedMs;
  });

  afterAll(async () => {
    await demo[Symbol.asyncDispose]();
    await kafka?.[Symbol.asyncDispose]();
  });

  test('is ready within 60 s', () => {
    figure('demo: ready after, s', readyMs / 1000);
    expect(readyMs).toBeLessThan(readyLimitMs);
  });

  test('has a model active within 3 minutes, which has learned from its own history', async () => {
    const { startedMs } = demo;
    await demo.until(
      'the model is active',
      async () => (await modelOf(demo)).state === 'active',
      activeLimitMs - readyMs,
    );
    activeMs = performance.now() - startedMs;
    figure('demo: model active after, s', activeMs / 1000);
    expect(activeMs).toBeLessThan(activeLimitMs);
    const model = await modelOf(demo);
    expect(model).toMatchObject({ name: 'loop1-health', version: '1', threshold: 1, detail: null });
    expect(model.signals.length).toBeGreaterThanOrEqual(8);
  }, 200_000);

  test('is found by the commands through the configuration that it leaves in its data folder', async () => {
    const file = join(demo.data, 'millrace.yaml');
    await demo.until('the configuration is there', () => existsSync(file));
    const run = (...args: readonly string[]) => millrace([...args, '-c', file], demo.folder);
    const status = await run('status');
    expect([status.code, status.stdout.toString('utf8')]).toEqual([0, expect.stringMatching(/^plc +opcua +up /m)]);
    const history = await run('history', 'demo/water/loop1/power');
    expect(history.stdout.toString('utf8')).toMatch(/^time,value,quality\n\S+Z,/);
  });

  test('has at least ten tags of each protocol whose value changed in the last 5 s', async () => {
    let counts: Readonly<Record<string, number>> = {};
    const enough = async (): Promise<boolean> => {
      counts = await changingTags(demo);
      return kinds.every((kind) => (counts[kind] ?? 0) >= 10);
    };
    const limitMs = Math.max(10_000, activeLimitMs - (performance.now() - demo.startedMs));
    await demo.until('ten tags of each protocol change', enough, limitMs).catch(() => undefined);
    for (const kind of kinds) figure(`demo: tags that change, ${kind}`, counts[kind] ?? 0);
    for (const kind of kinds) expect(counts[kind]).toBeGreaterThanOrEqual(10);
  });

  test(
    'without a fault has no alarm',
    async () => {
      const fromMs = performance.now();
      const seen: AlarmItem[] = [];
      let highest = 0;
      while (performance.now() - fromMs < quietMs) {
        seen.push(...(await alarmsOf(demo)));
        highest = Math.max(highest, (await modelOf(demo)).score ?? 0);
        await pause(lookEveryMs);
      }
      figure(`demo: highest score in ${quietMs / 1000} s without a fault (1 is the threshold)`, highest.toFixed(3));
      expect(seen).toEqual([]);
      // An alarm that came and went between two looks is in the journal.
      expect((await dumpFrom(demo, 'events', 0)).filter(({ key }) => key?.startsWith('alarm/'))).toEqual([]);
      expect(highest).toBeGreaterThan(0);
    },
    quietMs + 60_000,
  );

  test.each(faultNames)(
    '%s: an alarm on its asset within 60 s, a right signal ranked 1 or 2, gone within 120 s after the end',
    async (name) => {
      await quiet(demo);
      const fault = (await itemsOf<FaultItem>(demo, '/api/v1/demo/faults')).find((item) => item.name === name);
      if (fault === undefined) throw new Error(`the demo has no fault ${name}`);
      const { raisedS, bestRank, lastRank, message } = await watchFault(demo, fault);
      const endMs = performance.now();
      await setFault(demo, name, false);
      await quiet(demo, goneLimitMs + 30_000);
      const goneS = (performance.now() - endMs) / 1000;
      figure(`demo: ${name}: alarm after, s`, raisedS);
      figure(`demo: ${name}: rank of a right signal, best and after 60 s`, `${bestRank}, ${lastRank} (${message})`);
      figure(`demo: ${name}: gone after, s`, goneS);
      expect(raisedS).toBeLessThan(alarmLimitMs / 1000);
      expect(bestRank).toBeLessThanOrEqual(2);
      expect(lastRank).toBeLessThanOrEqual(2);
      expect(goneS).toBeLessThan(goneLimitMs / 1000);
    },
    360_000,
  );

  test('has each alarm in its journal, and the scores in the history', async () => {
    const lines = (await dumpFrom(demo, 'events', 0)).filter(({ key }) => key === 'alarm/loop1-health');
    const transitions = lines.map(({ value }) => (value as { readonly transition: string }).transition);
    expect(transitions.length).toBeGreaterThanOrEqual(2 * faultNames.length);
    expect(transitions).toEqual(transitions.map((_, place) => (place % 2 === 0 ? 'raised' : 'returned')));
    const scores = await historyByHttp(demo, [scoreTag]);
    const high = scores.filter(({ value }) => Number(value) > 1);
    figure('demo: scores in the history, and above the threshold', `${scores.length}, ${high.length}`);
    expect(high.length).toBeGreaterThan(0);
    expect(high.length).toBeLessThan(scores.length);
    expect(scores.every(({ quality }) => quality === 0)).toBe(true);
  });

  test('says that its link has no destination, and goes on', async () => {
    const links = await itemsOf<{ readonly name: string; readonly state: string }>(demo, '/api/v1/links');
    expect(links.map(({ name, state }) => [name, state])).toEqual([['cloud', 'no destination']]);
  });

  test('has a ledger that balances, with nothing lost or refused', async () => {
    const ledger = await settledLedger(demo);
    figure('demo: samples received', ledger.total.received);
    expect(imbalances(ledger)).toEqual([]);
    expect(ledger.total).toMatchObject({ lost: 0, refused: 0, quarantined: 0 });
  });

  test('ends within 10 s; started again, now with a Kafka broker, has the model active without learning', async () => {
    const before = await modelOf(demo);
    const tookMs = await demo.stop();
    figure('demo: clean stop, s', tookMs / 1000);
    expect(tookMs).toBeLessThan(stopLimitMs);
    if (services.available) kafka = await startKafka();
    demo.start(...(kafka === undefined ? [] : ['--kafka', kafka.brokers]));
    await demo.ready();
    await demo.until('the model is active', async () => (await modelOf(demo)).state === 'active', againLimitMs);
    figure('demo: started again, model active after, s', (performance.now() - demo.startedMs) / 1000);
    const after = await modelOf(demo);
    expect([after.version, after.trainedTo]).toEqual([before.version, before.trainedTo]);
    expect(await alarmsOf(demo)).toEqual([]);
  });

  test.skipIf(!services.available)(
    `mirrors to Kafka from the first record on, both ends equal ${services.reason}`,
    async () => {
      await linksCaughtUp(demo);
      const { stdout } = await demo.cli('link', 'verify', 'cloud', '--json');
      const verified = JSON.parse(stdout.toString('utf8')) as {
        readonly equal: boolean;
        readonly topics: readonly { readonly topic: string; readonly from: number; readonly compared: number }[];
      };
      figure('demo: records equal at both ends of the link', verified.topics[0]?.compared ?? 0);
      expect(verified.equal).toBe(true);
      expect(verified.topics).toMatchObject([{ topic: 'samples', from: 0, different: 0, missing: 0, extra: 0 }]);
      expect(verified.topics[0]?.compared).toBeGreaterThan(80_000);
    },
  );

  test('keeps an alarm over kill -9; with the fault gone, it returns by itself', async () => {
    const choose = random(testSeed());
    const name = faultNames[choose.whole(0, faultNames.length - 1)] ?? 'cavitation';
    await quiet(demo);
    await setFault(demo, name, true);
    await demo.until('an alarm stands', async () => (await alarmsOf(demo)).length === 1, alarmLimitMs + 30_000);
    const [standing] = await alarmsOf(demo);
    await demo.kill9();
    // The plant is gone with it, and begins again without the fault.
    demo.start(...(kafka === undefined ? [] : ['--kafka', kafka.brokers]));
    await demo.ready();
    const [kept] = await alarmsOf(demo);
    expect([kept?.id, kept?.state, kept?.since]).toEqual([standing?.id, standing?.state, standing?.since]);
    expect((await modelOf(demo)).state).toBe('active');
    const startMs = performance.now();
    await quiet(demo);
    figure(`demo: ${name}: alarm gone after a restart without the fault, s`, (performance.now() - startMs) / 1000);
    const ledger = await settledLedger(demo);
    expect(imbalances(ledger)).toEqual([]);
    expect(ledger.total).toMatchObject({ lost: 0, refused: 0, quarantined: 0 });
    await linksAreEqual(demo, kafka);
    figure('demo: clean stop after all that, s', (await demo.stop()) / 1000);
  }, 300_000);
});

/** After kill -9 the mirror has everything, too. */
async function linksAreEqual(demo: Gateway, kafka: Kafka | undefined): Promise<void> {
  if (kafka === undefined) return;
  await linksCaughtUp(demo);
  const { stdout } = await demo.cli('link', 'verify', 'cloud');
  expect(stdout.toString('utf8')).toContain('Both ends are equal.');
}
