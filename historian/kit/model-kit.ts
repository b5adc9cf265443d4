import type { Clock } from '../../edge/core/clock.ts';
import { Fault } from '../../edge/core/fault.ts';
import { Flag } from '../../edge/core/flags.ts';
import { CrashDisk, type Random, seeded } from '../../edge/core/kit/crash-disk.ts';
import { type Sample, ValueKind } from '../../edge/core/sample.ts';
import { type EraseRequest, isAbout } from '../files/erasures.ts';
import { flipBit, lacksPower } from './failure-kit.ts';
import { applyAll, batchOf, EVER, LOG, T0, type Tagged } from './history-kit.ts';
import { compareAggregates, compareLast, compareSamples } from './model-questions.ts';
import { NaiveLog } from './naive-log.ts';
import { NaiveHistorian } from './naive-historian.ts';
import { Store } from '../store/store.ts';
import { MAX_TIER_FILES } from '../store/upkeep.ts';

const FOLDER = '/data/historian';
/** Tags by topic; one is in both. */
const TOPICS: Readonly<Record<string, readonly string[]>> = {
  samples: ['plant/a/1', 'plant/a/2', 'plant/a/3', 'plant/b/1', 'plant/b/2', 'plant/both', 'plant/Öl'],
  'samples.bulk': ['plant/a/bulk1', 'plant/b/bulk2', 'plant/both'],
};
const TOPIC_NAMES = Object.keys(TOPICS);
const ALL_TAGS = [...new Set(Object.values(TOPICS).flat())];
/** Tags that have texts too, of which there are no aggregates. */
const TEXT_TAGS: readonly string[] = ['plant/both', 'plant/Öl'];
/** How long samples are kept, ms, and their roll-ups of minutes, hours and days. */
const RETENTION_MS: Readonly<Record<string, number>> = { samples: 1_200_000, 'samples.bulk': 1_000_000 };
const ROLLUPS_MS: readonly number[] = [1_500_000, 3_000_000, 9_000_000];
const S = 1000;
/** Of buckets: such that blocks lie in them as a whole, and such that none does. */
const WIDTHS_US: readonly number[] = [7e6, 60e6, 300e6, 900e6];
/** How often what happened. */
export type LifeCounts = Record<
  | 'operations'
  | 'aggregated'
  | 'refused'
  | 'merges'
  | 'crashes'
  | 'closes'
  | 'erasures'
  | 'erased'
  | 'expired'
  | 'rolledUp'
  | 'replaced'
  | 'late'
  | 'repaired'
  | 'rebuilt',
  number
>;

/** For tests: the life of a historian on a disk that loses power, beside a naive one; the same for the same seed. */
export class HistorianLife {
  readonly counts: LifeCounts;
  private readonly random: Random;
  private readonly disk = new CrashDisk();
  private readonly naive = new NaiveHistorian(TOPIC_NAMES);
  private readonly log = new NaiveLog();
  private store: Store;
  private readonly rollupsMs: readonly number[];
  private expectsDamage = false;
  private isCounted = true;
  private nowMs = T0 / 1000;
  private readonly clock: Clock = {
    nowMs: () => this.nowMs,
    nowUs: () => this.nowMs * 1000,
    monotonicMs: () => performance.now(),
  };

  constructor(seed: number, counts: LifeCounts) {
    this.random = seeded(seed);
    this.counts = counts;
    // Most historians have roll-ups: samples are not shown for longer with them.
    this.rollupsMs = seed % 3 === 0 ? [] : ROLLUPS_MS;
    this.store = this.opened();
  }

  /** Does so many steps, and compares after each; what cannot be told apart from outside is not compared. */
  async live(steps: number): Promise<void> {
    for (let step = 0; step < steps; step++) {
      this.nowMs += this.random(20) * S;
      if (this.random(25) === 0) this.disk.callsLeft = this.random(80);
      try {
        await this.act(this.random(100));
      } catch (error) {
        if (!lacksPower(error)) throw error;
      }
      if (this.disk.callsLeft <= 0 || this.store.failed !== undefined) await this.crash();
      this.withPower(() => this.compareOne());
      if (step % 50 === 0) this.withPower(() => this.compareAll());
    }
    this.disk.callsLeft = Infinity;
    await this.store.flush();
    await this.store.settled();
    this.compareAll();
    await this.store.close();
  }

  private async act(what: number): Promise<void> {
    this.counts.operations++;
    if (what < 60) await this.insert();
    else if (what < 82) await this.flush();
    else if (what < 86) await this.erase();
    else if (what < 90) await this.expire();
    else if (what < 92) await this.close();
    else if (what < 94) await this.store.settled();
    else if (what === 94) await this.damage();
    // All that is rebuilt is as if it had just come: more often, and nothing would expire.
    else if (what === 95 && this.random(3) === 0) await this.rebuild();
    else this.withPower(() => this.compareAll());
  }

  private opened(damaged = false): Store {
    this.expectsDamage = damaged;
    const report = (fault: Fault): void => {
      if (!lacksPower(fault) && !(this.expectsDamage && fault.code === 'historian-damaged')) throw fault;
    };
    const { disk, clock, rollupsMs } = this;
    const store = new Store({ folder: FOLDER, log: LOG, disk, clock, retentionMs: RETENTION_MS, rollupsMs, report });
    store.open();
    for (const topic of TOPIC_NAMES) store.progress(topic);
    return store;
  }

  /** What was not in the files comes again from the log. */
  private async replay(): Promise<void> {
    for (const topic of TOPIC_NAMES)
      await applyAll(this.store, this.log.from(topic, this.store.savedPosition(topic)), topic);
  }

  private async insert(): Promise<void> {
    const { random } = this;
    const topic = TOPIC_NAMES[random(4) === 0 ? 1 : 0] ?? '';
    const tags = TOPICS[topic] ?? [];
    const samples = Array.from({ length: 1 + random(200) }, () => this.sampleOf(tags[random(tags.length)] ?? ''));
    const base = this.log.end(topic);
    const batch = batchOf(samples, base, this.nowMs);
    this.log.append(topic, batch, samples.length);
    for (const [i, tagged] of samples.entries()) this.naive.add(topic, base + i, this.nowMs, tagged);
    this.counts.operations += samples.length;
    await applyAll(this.store, [batch], topic);
  }

  /** Now, late, at the time of another one, a correction of it, or with a clock that is ahead. */
  private sampleOf(tag: string): Tagged {
    const { random } = this;
    const list = this.naive.lists.get(tag) ?? [];
    let timeUs = (this.nowMs - random(10) * S) * 1000;
    let flags = 0;
    const how = random(20);
    const other = list[random(Math.max(1, list.length))];
    if (how < 3 && other !== undefined) {
      timeUs = other.timeUs;
      flags = random(2) * Flag.correction;
      this.counts.replaced += flags === 0 ? 0 : 1;
    } else if (how < 6) {
      timeUs = (this.nowMs - random(5000) * S) * 1000;
      flags = Flag.backfilled;
      this.counts.late++;
    } else if (how === 6) {
      timeUs = (this.nowMs + 1e9) * 1000;
      flags = Flag.clockSuspect;
    }
    const quality = random(10) === 0 ? 0x80310000 : 0;
    return { tag, sample: { timeUs, flags, quality, serverTimeUs: null, ...this.value(tag) } };
  }

  private value(tag: string): Pick<Sample, 'kind' | 'value'> {
    const { random } = this;
    const kind = random(8);
    if (kind === 0) return { kind: ValueKind.null, value: null };
    if (kind === 1) return { kind: ValueKind.boolean, value: random(2) === 1 };
    if (kind === 2) return { kind: ValueKind.long, value: random(1000) - 500 };
    if (kind === 3 && TEXT_TAGS.includes(tag)) return { kind: ValueKind.string, value: 'x'.repeat(random(40)) };
    return { kind: ValueKind.double, value: random(10_000) / 100 };
  }

  private async flush(): Promise<void> {
    await this.store.flush();
    const before = this.store.manifest.files.length;
    if (this.random(2) === 0) await this.store.settled();
    if (this.store.manifest.files.length < before) this.counts.merges++;
    if (before > MAX_TIER_FILES) throw new Error(`${before} files`);
  }

  /** Old or new: what was not recorded when the power failed was not erased. */
  private async erase(): Promise<void> {
    const { random, store } = this;
    const tag = ALL_TAGS[random(ALL_TAGS.length)] ?? '';
    const tags = random(3) === 0 ? { prefix: tag.slice(0, 7) } : { paths: [tag] };
    const fromUs = (this.nowMs - random(3000) * S) * 1000;
    const { ends } = this.log;
    // An order of a while ago, or all that there is by now.
    const upTo = Object.fromEntries(Array.from(ends, ([topic, end]) => [topic, Math.max(0, end - random(200))]));
    const isBounded = random(2) === 0;
    const span = { fromUs, toUs: fromUs + (1 + random(400)) * S * 1000 };
    const request: EraseRequest = { tags, ...span, ...(isBounded ? { upTo } : {}) };
    const below = (topic: string): number => (isBounded ? upTo[topic] : ends.get(topic)) ?? 0;
    const id = store.manifest.lastErasure + 1;
    try {
      store.erase(request);
      if (random(2) === 0) await this.eraseWholly(id, request, below);
    } catch (error) {
      if (!lacksPower(error)) throw error;
      await this.crash();
    }
    if (this.store.manifest.lastErasure < id) return;
    this.counts.erasures++;
    this.naive.erase(request, below);
  }

  /** Waits until it is out of the files, and looks into their bytes. */
  private async eraseWholly(id: number, request: EraseRequest, below: (topic: string) => number): Promise<void> {
    const { store } = this;
    const erased = store.erased({ id });
    erased.catch(() => undefined);
    await store.flush();
    await store.settled();
    await erased;
    const view = store.pin();
    try {
      for (const file of view.parts.files)
        for (const series of file.series) {
          if (!isAbout(request, view.parts.series.tag(series))) continue;
          const topic = view.parts.series.topic(series);
          const list = file.blocks(series, topic, request.fromUs, request.toUs);
          for (let block = 0; block < (list?.count ?? 0); block++) {
            const whole = list?.summary?.(block);
            if (whole?.expired === true) {
              const { firstUs, lastUs } = whole.summary;
              const isOld = whole.leastOffset < below(TOPIC_NAMES[topic] ?? '');
              if (isOld && lastUs >= request.fromUs && firstUs < request.toUs)
                throw new Error(`a roll-up from ${firstUs} is still there`);
              continue;
            }
            const points = list?.load(block);
            if (points === undefined || points instanceof Fault) throw new Error(`block ${block} cannot be read`);
            for (let row = 0; row < points.count; row++) {
              const timeUs = points.times[row] ?? 0;
              const isOld = (points.offsets[row] ?? 0) < below(TOPIC_NAMES[topic] ?? '');
              if (isOld && timeUs >= request.fromUs && timeUs < request.toUs)
                throw new Error(`${timeUs} is still there`);
            }
          }
        }
    } finally {
      view.release();
    }
    this.counts.erased++;
  }

  private async expire(): Promise<void> {
    const { store, nowMs } = this;
    try {
      store.expire(nowMs);
    } catch (error) {
      if (!lacksPower(error)) throw error;
      await this.crash();
    }
    const { expired } = this.store.manifest;
    if (expired.length > 0) this.counts.expired++;
    this.naive.expire(expired, nowMs, RETENTION_MS);
  }

  private async close(): Promise<void> {
    this.counts.closes++;
    await this.store.close();
    await this.reopen();
  }

  /** The power fails and comes back. */
  private async crash(damaged = false): Promise<void> {
    this.counts.crashes++;
    this.disk.callsLeft = 0;
    await this.store.close();
    this.disk.crash(this.random);
    await this.reopen(damaged);
  }

  private async reopen(damaged = false): Promise<void> {
    this.store = this.opened(damaged);
    await this.replay();
  }

  /** The power does not fail while something is compared. */
  private withPower(compare: () => void): void {
    const { callsLeft } = this.disk;
    this.disk.callsLeft = Infinity;
    compare();
    this.disk.callsLeft = callsLeft;
  }

  /** A bit of a file changes; what was in it comes back out of the log. */
  private async damage(): Promise<void> {
    const { disk, random } = this;
    disk.callsLeft = Infinity;
    await this.store.close();
    const entry = this.store.manifest.files[random(Math.max(1, this.store.manifest.files.length))];
    if (entry !== undefined) flipBit(disk, `${FOLDER}/${entry.name}`, 8 + random(entry.bytes - 8), random(8));
    await this.reopen(true);
    // What was gone of a file that cannot be opened is not known any more.
    if (this.store.damaged.length > 0) this.isCounted = false;
    // The power may fail while it is repaired.
    if (random(4) === 0) disk.callsLeft = random(40);
    for (;;) {
      try {
        this.readAll();
        await this.store.repair(this.log);
        break;
      } catch (error) {
        if (!lacksPower(error)) throw error;
        await this.crash(true);
      }
    }
    if (this.store.damaged.length > 0) throw new Error(`${this.store.damaged.join()} are still damaged`);
    this.expectsDamage = false;
    this.counts.repaired++;
  }

  /** Reads every block, also what aggregates alone look at. */
  private readAll(): void {
    const view = this.store.pin();
    for (const tag of ALL_TAGS)
      for (const list of view.blocks(tag, EVER.fromUs, EVER.toUs, 'rollups'))
        for (let block = 0; block < list.count; block++) list.load(block);
    view.release();
  }

  private async rebuild(): Promise<void> {
    await this.store.rebuild(this.log);
    this.counts.rebuilt++;
  }

  /** A random question about one tag. */
  private compareOne(): void {
    const { random, store, naive, counts } = this;
    counts.operations++;
    const tag = ALL_TAGS[random(ALL_TAGS.length)] ?? '';
    const beginUs = (this.nowMs - random(5000) * S) * 1000;
    const lengthUs = random(2000) * S * 1000;
    if (random(2) === 0)
      return compareSamples(store, naive, tag, {
        fromUs: beginUs,
        toUs: beginUs + lengthUs,
        limit: 1 + random(200),
      });
    const fromUs = Math.max(beginUs, this.expiredUs(tag));
    const span = { fromUs, toUs: fromUs + lengthUs, widthUs: WIDTHS_US[random(WIDTHS_US.length)] ?? 1 };
    if (compareAggregates(store, naive, tag, span, () => random(4) === 0)) counts.aggregated++;
    else counts.refused++;
  }

  /** The time before which something of a tag has expired. */
  private expiredUs(tag: string): number {
    const ends = this.store.manifest.expired.flatMap(({ topic, beforeUs }) =>
      TOPICS[topic]?.includes(tag) === true ? [beforeUs] : [],
    );
    return Math.max(Number.NEGATIVE_INFINITY, ...ends);
  }

  private compareAll(): void {
    this.counts.operations += ALL_TAGS.length;
    if (this.store.manifest.files.some(({ thinned }) => thinned !== undefined)) this.counts.rolledUp++;
    for (const tag of ALL_TAGS) {
      compareSamples(this.store, this.naive, tag, { ...EVER, limit: 10_000 });
      compareLast(this.store, this.naive, tag);
      if (!this.isCounted) continue;
      const view = this.store.pin();
      const samples = view.seriesOf(tag).reduce((sum, id) => sum + view.total(id).samples, 0);
      view.release();
      if (samples !== (this.naive.ever.get(tag) ?? 0))
        throw new Error(`${tag}: ${samples} samples ever, not ${this.naive.ever.get(tag)}`);
    }
  }
}
