import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { figure, quantile } from '../end-to-end/figures.ts';
import { microseconds, parseHistoryJson, type HistorySample } from '../end-to-end/history.ts';
import { imbalances, settledLedger, type Ledger } from '../end-to-end/ledger.ts';
import { random, testSeed } from '../end-to-end/random.ts';
import { demoSite, itemsOf, type TagItem } from './demo.ts';
import {
  back,
  chartsOf,
  playOutages,
  startPlantSite,
  type Chart,
  type Outage,
  type PlantSite,
  type Tags,
} from './outages.ts';
import { protocols, readingsOf, type Protocol } from './plant-process.ts';

const rounds = process.env['MILLRACE_LONG'] === '1' ? 10 : 1;
const tagCount = 48;
/** What stands at the beginning of a blind time. */
const blindQualities: readonly number[] = [0x8031_0000, 0x800a_0000];
/** A server that stops takes its last readings with it. */
const lastReadingsUs = 2_000_000;
/** The clocks of the devices differ from this machine's by 60 ms at most, and the plant goes on in steps of 50 ms. */
const clocksUs = 200_000;

/** An outage of a tag, with the samples around it. */
interface Blind {
  readonly tag: string;
  readonly outage: Outage;
  /** The null sample that begins the gap. */
  readonly gap: HistorySample | undefined;
}

describe('OPC UA server, Modbus units and MQTT devices stopped and started in any order while data flows', () => {
  let site: PlantSite;
  let tags: Tags;
  let outages: readonly Outage[];
  let ledger: Ledger;
  let span: { readonly fromUs: number; readonly toUs: number };
  const samples = new Map<string, readonly HistorySample[]>();

  beforeAll(async () => {
    site = await startPlantSite(testSeed());
    const { gateway } = site;
    await gateway.until('there is every tag', async () => (await plantTags()).length === tagCount);
    const all = await plantTags();
    const of = (kind: string): string[] => all.filter((tag) => tag.kind === kind).map(({ path }) => path);
    tags = { mqtt: of('mqtt-broker'), opcua: of('opcua'), modbus: of('modbus') };
    const paths = all.map(({ path }) => path);
    await back(gateway, paths, 0);
    const fromUs = Date.now() * 1000;
    const choose = random(testSeed());
    const played: Outage[] = [];
    for (let round = 0; round < rounds; round++) played.push(...(await playOutages(site, tags, choose)));
    outages = played;
    span = { fromUs, toUs: Date.now() * 1000 };
    ledger = await settledLedger(gateway);
    for (const tag of paths) {
      const text = await gateway.text(`/api/v1/history?tag=${encodeURIComponent(tag)}`, 'application/json');
      samples.set(tag, parseHistoryJson(text));
    }
  }, 600_000);

  afterAll(async () => {
    await site[Symbol.asyncDispose]();
  });

  function plantTags(): Promise<readonly TagItem[]> {
    return itemsOf<TagItem>(site.gateway, '/api/v1/tags');
  }

  /** Every outage of every tag. */
  function blindTimes(): Blind[] {
    return outages.flatMap((outage) =>
      tags[outage.protocol].map((tag) => {
        const gap = samples
          .get(tag)
          ?.find(({ timeUs, quality }) => quality !== 0 && timeUs >= outage.stoppingUs && timeUs < outage.startingUs);
        return { tag, outage, gap };
      }),
    );
  }

  test('each protocol comes back by itself within 60 s', () => {
    expect(outages).toHaveLength(rounds * protocols.length);
    const order = outages.map(({ protocol, stoppingUs, startingUs, backS }) => {
      return `${protocol} ${((startingUs - stoppingUs) / 1e6).toFixed(0)} s (back after ${backS.toFixed(1)} s)`;
    });
    figure('outages: blind, in the order of their ends', order.join(', '));
    expect(Math.max(...outages.map(({ backS }) => backS))).toBeLessThan(60);
  });

  test('each blind time begins with a null sample of its own, and has no good value', () => {
    const blind = blindTimes();
    expect(blind.filter(({ gap }) => gap === undefined).map(({ tag, outage }) => [tag, outage])).toEqual([]);
    expect(blind.filter(({ gap }) => gap !== undefined && !blindQualities.includes(gap.quality))).toEqual([]);
    expect(blind.filter(({ gap }) => gap?.value !== null)).toEqual([]);
    const seen = blind.flatMap(({ tag, outage: { stoppedUs, startingUs } }) =>
      (samples.get(tag) ?? []).filter(({ timeUs, quality }) => {
        return quality === 0 && timeUs > stoppedUs + 1e6 && timeUs < startingUs - clocksUs;
      }),
    );
    expect(seen).toEqual([]);
    for (const protocol of protocols) {
      const lateS = blind
        .filter(({ outage }) => outage.protocol === protocol)
        .map(({ gap, outage }) => ((gap?.timeUs ?? Infinity) - outage.stoppingUs) / 1e6);
      figure(`outages: a gap of ${protocol} begins after its stop, at most, s`, Math.max(...lateS));
    }
  });

  test('each blind time stands as a gap in the chart', async () => {
    const wrong: string[] = [];
    let points = 0;
    for (const protocol of protocols) {
      const { items, gaps } = await chartsOf(site.gateway, tags[protocol], span.fromUs, span.toUs);
      for (const { tag, outage, gap } of blindTimes().filter((blind) => blind.outage.protocol === protocol)) {
        const chart = items.find((item) => item.tag === tag);
        const beginUs = gap?.timeUs ?? Infinity;
        const endUs = outage.startingUs - clocksUs;
        const what = `${tag} at ${new Date(outage.stoppingUs / 1000).toISOString()}`;
        const inside = chart === undefined ? [] : pointsWithin(chart, beginUs, endUs);
        points += inside.length;
        if (inside.length === 0) wrong.push(`${what}: no point`);
        if (inside.some((aggregates) => aggregates.some((one) => one !== null))) {
          wrong.push(`${what}: ${JSON.stringify(inside)}`);
        }
        const covering = gaps.filter(({ from, to, reason, ...of }) => {
          const covers = microseconds(from) <= beginUs && microseconds(to) >= endUs;
          return of.tag === tag && reason === 'no-value' && covers;
        });
        if (covering.length !== 1) wrong.push(`${what}: ${covering.length} gaps`);
      }
    }
    figure('outages: points of the charts without a value, within blind times', points);
    expect(wrong).toEqual([]);
  });

  test('nothing else is lost: each reading of the devices while their server ran is in the history, to the bit', () => {
    const truth = truthOf(site, samples);
    const missing: string[] = [];
    const foreign: string[] = [];
    let compared = 0;
    for (const protocol of ['mqtt', 'opcua'] as const satisfies readonly Protocol[]) {
      for (const tag of tags[protocol]) {
        const good = (samples.get(tag) ?? []).filter(({ quality }) => quality === 0);
        const found = new Map(good.map(({ timeUs, value }) => [timeUs, value]));
        if (found.size < good.length) foreign.push(`${tag}: ${good.length - found.size} times twice`);
        const readings = truth.get(tag.slice(demoSite.length + 1)) ?? [];
        const real = new Map(readings.map(({ timeUs, value }) => [timeUs, value]));
        for (const { timeUs, value } of good) {
          if (!Object.is(real.get(timeUs), value)) foreign.push(`${tag} ${timeUs}: ${String(value)}`);
        }
        const flowing = flowingTimes(protocol, good);
        for (const [nr, { timeUs, value }] of readings.entries()) {
          // An OPC UA subscription tells changes (Part 4, 7.22.2: trigger StatusValue); from 0 to -0 is none.
          if (protocol === 'opcua' && readings[nr - 1]?.value === value) continue;
          if (!flowing.some(([fromUs, toUs]) => timeUs >= fromUs && timeUs < toUs)) continue;
          compared++;
          if (!found.has(timeUs)) missing.push(`${tag} ${timeUs}`);
        }
      }
    }
    figure('outages: readings that are there, to the bit', compared);
    expect(foreign).toEqual([]);
    expect(missing).toEqual([]);
    expect(compared).toBeGreaterThan(300);
  });

  /** Spans in which readings of a protocol have to arrive: from the first good value behind an outage to the next stop. */
  function flowingTimes(protocol: Protocol, good: readonly HistorySample[]): (readonly [number, number])[] {
    const own = outages.filter((outage) => outage.protocol === protocol);
    const starts = [0, ...own.map(({ startingUs }) => startingUs)];
    return starts.map((startUs, nr) => {
      const fromUs = good.find(({ timeUs }) => timeUs >= startUs)?.timeUs ?? Infinity;
      return [fromUs, (own[nr]?.stoppingUs ?? span.toUs) - lastReadingsUs];
    });
  }

  test('the meters are read once a second while they answer', () => {
    const pausesS = tags.modbus.flatMap((tag) => {
      const good = (samples.get(tag) ?? []).filter(({ quality }) => quality === 0);
      return flowingTimes('modbus', good).flatMap(([fromUs, toUs]) => {
        const times = good.map(({ timeUs }) => timeUs).filter((timeUs) => timeUs >= fromUs && timeUs < toUs);
        return times.slice(1).map((timeUs, nr) => (timeUs - (times[nr] ?? 0)) / 1e6);
      });
    });
    const medianS = quantile(pausesS, 0.5);
    figure('outages: between two readings of a meter, median and longest, s', `${medianS}, ${Math.max(...pausesS)}`);
    // Of twenty tags; how long the meters answered is up to the seed.
    expect(pausesS.length).toBeGreaterThan(60);
    expect(medianS).toBeGreaterThan(0.95);
    expect(medianS).toBeLessThan(1.05);
    // A busy machine lets a turn go by; a poller that stands still lets many.
    expect(Math.max(...pausesS)).toBeLessThan(10);
  });

  test('the ledger balances: nothing lost, refused or in quarantine, and the gaps are counted as generated', () => {
    const { total } = ledger;
    figure('outages: samples received, null samples generated', `${total.received}, ${total.generated}`);
    expect(imbalances(ledger)).toEqual([]);
    expect(total).toMatchObject({ lost: 0, refused: 0, quarantined: 0 });
    expect(total.generated).toBeGreaterThanOrEqual(blindTimes().length);
  });
});

/** Aggregates of the points of a chart that lie wholly within a time, µs. Where a chart has no more samples than points it shows the samples. */
function pointsWithin({ raw, bucketSeconds, points }: Chart, fromUs: number, toUs: number): (number | null)[][] {
  const widthUs = raw ? 0 : (bucketSeconds ?? 0) * 1e6;
  const firstUs = raw ? fromUs : fromUs + clocksUs;
  return points
    .filter(([time]) => microseconds(time) >= firstUs && microseconds(time) + widthUs <= toUs)
    .map(([, min, max, first, last]) => [min ?? null, max ?? null, first ?? null, last ?? null]);
}

/** What the devices read, by path below the site; the second in which the plant began is found by its first readings. */
function truthOf(
  { plant }: PlantSite,
  samples: ReadonlyMap<string, readonly HistorySample[]>,
): ReturnType<typeof readingsOf> {
  const path = 'water/loop1/flow';
  const first = samples.get(`${demoSite}/${path}`)?.find(({ quality }) => quality === 0);
  const [firstMs, lastMs] = plant.bornMs;
  for (let second = Math.floor(firstMs / 1000); second * 1000 <= lastMs; second++) {
    const readings = readingsOf(testSeed(), second * 1e6, Date.now() * 1000);
    const same = readings.get(path)?.some(({ timeUs, value }) => timeUs === first?.timeUs && value === first.value);
    if (same === true) return readings;
  }
  throw new Error('the history does not begin with readings of the plant');
}
