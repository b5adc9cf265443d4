import { seeded, type Random } from '../../edge/core/kit/crash-disk.ts';
import { HandClock } from '../../edge/core/retention/clock-kit.ts';
import { readFile } from '../../edge/core/disk.ts';
import { DurableEnds } from '../../edge/core/durable-ends.ts';
import { TestLogWriter } from '../../edge/core/kit/log-kit.ts';
import { patientDisk } from '../../edge/core/patient-disk.ts';
import { readBatchHeader } from '../../edge/core/record-batch.ts';
import { listSegments, segmentFile, topicFolder } from '../../edge/core/segment-files.ts';
import { DayConsumer, type ConsumerGap, type DayVisitor } from './day-consumer.ts';
import { type FoundRecord, knownBatch } from './known-batches.ts';
import { SimulatedDisk } from './simulated-disk.ts';

const LOG = '/data/log';
/** The last one takes the log's own events. */
const TOPICS = ['samples', 'samples.critical', 'samples.bulk', 'events'];
const SAMPLES = TOPICS.slice(0, 3);
const SECOND_MS = 1000;
const HOUR_MS = 3_600_000;
const MIB = 1024 * 1024;
const CAPACITY = 24 * MIB;
const BUDGET = 6 * MIB;
const RESERVE = 512 * 1024;
const KEPT = { samples: 5 * HOUR_MS, 'samples.bulk': HOUR_MS };

/** A range of offsets. */
interface Range {
  readonly topic: string;
  readonly first: number;
  readonly last: number;
}

/** How often each thing happened. */
export type DayCounts = Record<
  | 'powerFailures'
  | 'kills'
  | 'cleanStops'
  | 'failedSyncs'
  | 'fullDisks'
  | 'indexesLost'
  | 'bitFlips'
  | 'clockJumps'
  | 'linkOutages',
  number
>;

/**
 * A day of a log in compressed time: a batch a second, two consumers (one in the gateway, which the log waits for; one behind a link, which it does not), and everything that goes
 * wrong in a plant, as the seed says. Throws as soon as something is not as promised.
 */
export class PlantDay {
  readonly counts: DayCounts = {
    powerFailures: 0,
    kills: 0,
    cleanStops: 0,
    failedSyncs: 0,
    fullDisks: 0,
    indexesLost: 0,
    bitFlips: 0,
    clockJumps: 0,
    linkOutages: 0,
  };
  acknowledged = 0;
  released = 0;
  readonly local = new DayConsumer(TOPICS);
  readonly link = new DayConsumer(SAMPLES);
  /** Gaps for links, as they stand in topic `events`. */
  readonly gapEvents: Range[] = [];
  private readonly random: Random;
  private readonly disk = new SimulatedDisk(CAPACITY);
  private readonly clock = new HandClock(1_700_000_000_000);
  /** Behind the last acknowledged record, by topic. */
  private readonly promised = new Map(SAMPLES.map((topic) => [topic, 0]));
  /** Number of each acknowledged batch, by topic and offset of its first record. */
  private readonly batches = new Map(SAMPLES.map((topic) => [topic, new Map<number, number>()]));
  private readonly damaged: Range[] = [];
  private readonly stop = new Int32Array(new SharedArrayBuffer(4));
  private writer: TestLogWriter | undefined;
  private ends = DurableEnds.create(TOPICS);
  private number = 0;
  private second = 0;
  /** Seconds until which the link is down, the gateway's own consumer busy, the clock wrong. */
  private linkDownTo = 0;
  private localBusyTo = 0;
  private clockWrongTo = 0;
  private clockWrongMs = 0;

  constructor(seed: number) {
    this.random = seeded(seed);
    this.disk.makeFolder('/data');
  }

  /** Lives through so many seconds, then comes to rest: everything is read, and what the log still holds once more. Returns who read that. */
  live(seconds: number): DayConsumer {
    this.start();
    for (; this.second < seconds; this.second++) this.tick();
    this.disk.failPowerAfter(Infinity);
    this.disk.failSync = false;
    if (this.writer === undefined || this.writer.failed !== undefined) this.restart();
    this.linkDownTo = 0;
    this.localBusyTo = 0;
    this.consume();
    const again = new DayConsumer(SAMPLES, Object.fromEntries(SAMPLES.map((topic) => [topic, this.ends.start(topic)])));
    again.read(this.disk, LOG, this.ends, this.visitor);
    return again;
  }

  /** One chance in `seconds`. */
  private once(seconds: number): boolean {
    return this.random(seconds) === 0;
  }

  private tick(): void {
    this.clock.pass(SECOND_MS);
    this.misfortune();
    this.append();
    if (this.second % 5 === 0) this.consume();
    this.retain();
    if (this.writer === undefined || this.writer.failed !== undefined) this.restart();
  }

  /** What may go wrong this second. */
  private misfortune(): void {
    const { disk, counts } = this;
    if (this.once(2000)) disk.failPowerAfter(this.random(80));
    if (this.once(5000)) {
      disk.failSync = true;
      counts.failedSyncs++;
    }
    if (this.once(7000)) {
      disk.othersBytes += Math.max(0, disk.space.freeBytes - this.random(100_000));
      counts.fullDisks++;
    }
    if (this.once(2500)) this.endProcess(this.once(2));
    if (this.once(5000)) this.flipBit();
    if (this.once(9000) && this.second > this.linkDownTo) {
      this.linkDownTo = this.second + 600 + this.random(4 * 3600);
      counts.linkOutages++;
    }
    if (this.once(9000)) this.localBusyTo = this.second + this.random(1800);
    this.turnClock();
  }

  private turnClock(): void {
    if (this.clockWrongMs !== 0 && this.second >= this.clockWrongTo) {
      // Somebody sets it right.
      this.clock.jump(-this.clockWrongMs);
      this.clockWrongMs = 0;
    } else if (this.clockWrongMs === 0 && this.once(8000)) {
      this.clockWrongMs = (this.once(3) ? -2 : 8760) * HOUR_MS;
      this.clockWrongTo = this.second + 60 + this.random(1800);
      this.clock.jump(this.clockWrongMs);
      this.counts.clockJumps++;
    }
  }

  private start(): void {
    for (;;) {
      const { disk, clock, stop } = this;
      Atomics.store(stop, 0, 0);
      this.ends = DurableEnds.create(TOPICS);
      const writer = new TestLogWriter({
        disk: patientDisk({ disk, stop, retryMs: 0, onFull: (full) => this.whenFull(full) }),
        logFolder: LOG,
        lostAndFound: '/data/lost+found',
        ends: this.ends,
        budgetBytes: BUDGET,
        reserveBytes: RESERVE,
        retentionMs: KEPT,
        clock,
        space: () => disk.space,
        newLogId: '00000000-0000-4000-8000-000000000000',
        stamp: String(this.second),
        segmentBytes: 64 * 1024,
      });
      this.writer = writer;
      try {
        writer.open();
        this.expectKept();
        this.hold();
        return;
      } catch (error) {
        // A start that the power or the disk ends is tried again; nothing else may end it.
        if (disk.hasPower && writer.failed?.code !== 'log-write-failed') throw error;
        this.recoverDisk();
      }
    }
  }

  /** Right after a recovery: the log ends at or behind all that it promised, and has not let go of more than before. */
  private expectKept(): void {
    for (const topic of SAMPLES) {
      const end = this.promised.get(topic) ?? 0;
      if (this.ends.end(topic) < end) throw new Error(`${topic} ends at ${this.ends.end(topic)}, before ${end}`);
    }
  }

  /** What a writer that waits for space meets: others give some back, or somebody stops the gateway. */
  private whenFull(full: boolean): void {
    if (!full) return;
    this.writer?.makeRoom();
    if (this.once(4)) Atomics.store(this.stop, 0, 1);
    else this.disk.othersBytes = 0;
  }

  /** The process ends: killed, or stopped cleanly. While it is down indexes may get lost. */
  private endProcess(clean: boolean): void {
    if (clean) {
      this.writer?.close();
      if (this.writer?.failed === undefined) this.counts.cleanStops++;
    } else this.counts.kills++;
    this.writer = undefined;
  }

  private restart(): void {
    this.recoverDisk();
    if (this.once(4)) this.loseIndex();
    this.start();
  }

  private recoverDisk(): void {
    this.writer = undefined;
    this.disk.othersBytes = 0;
    if (this.disk.hasPower) this.disk.closeAll();
    else {
      this.disk.crash(this.random);
      this.counts.powerFailures++;
    }
  }

  private loseIndex(): void {
    const folder = topicFolder(LOG, SAMPLES[this.random(SAMPLES.length)] ?? '');
    const names = this.disk.list(folder).filter((name) => name.endsWith('index'));
    const name = names[this.random(names.length)];
    if (name === undefined) return;
    this.disk.unlink(`${folder}/${name}`);
    this.disk.syncFolder(folder);
    this.counts.indexesLost++;
  }

  /** A bit falls over in a complete segment: one batch can be read no more. */
  private flipBit(): void {
    if (!this.disk.powerStays) return;
    const topic = SAMPLES[this.random(SAMPLES.length)] ?? '';
    const folder = topicFolder(LOG, topic);
    const bases = listSegments(this.disk, folder);
    const base = bases[this.random(bases.length - 1)];
    if (base === undefined || base === bases.at(-1) || base < this.ends.start(topic)) return;
    const file = segmentFile(folder, base, 'log');
    const bytes = readFile(this.disk, file) ?? new Uint8Array(0);
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    const stop = this.random(bytes.length);
    for (let at = 0; at + 61 <= bytes.length && bytes[at + 16] === 2;) {
      const { baseOffset, count, bytes: length } = readBatchHeader(view, at);
      if (at + length > stop) {
        const place = at + 21 + this.random(length - 21);
        const fd = this.disk.open(file, 'r+');
        this.disk.write(fd, [Uint8Array.of((bytes[place] ?? 0) ^ (1 << this.random(8)))], place);
        this.disk.sync(fd);
        this.disk.close(fd);
        this.damaged.push({ topic, first: baseOffset, last: baseOffset + count - 1 });
        this.counts.bitFlips++;
        return;
      }
      at += length;
    }
  }

  private append(): void {
    const { writer } = this;
    if (writer === undefined || writer.isStarved) return;
    const number = this.number++;
    const topic = SAMPLES[number % 9 === 8 ? 1 : number % 3 === 2 ? 2 : 0] ?? '';
    const { bytes, records } = knownBatch({ run: 1, producer: SAMPLES.indexOf(topic), number }, this.clock.nowMs());
    const [answer] = writer.append([{ topic, batch: bytes, records }]);
    if (typeof answer !== 'number') return;
    this.acknowledged += records;
    this.promised.set(topic, answer + records);
    this.batches.get(topic)?.set(answer, number);
  }

  private consume(): void {
    const { disk, ends, writer } = this;
    if (writer === undefined || writer.failed !== undefined || !disk.hasPower) return;
    try {
      if (this.second >= this.localBusyTo) this.local.read(disk, LOG, ends, this.visitor);
      if (this.second >= this.linkDownTo) this.link.read(disk, LOG, ends, this.visitor);
    } catch (error) {
      if (disk.hasPower) throw error;
    }
    this.hold();
  }

  private hold(): void {
    this.writer?.hold({ local: this.local.offsets, links: { cloud: this.link.offsets } });
  }

  private readonly visitor: DayVisitor = {
    record: (topic, record) => this.expectPromised(topic, record),
    event: (value) => this.noteEvent(value),
  };

  /** Where a batch was acknowledged, that batch stands. */
  private expectPromised(topic: string, { offset, index, number }: FoundRecord): void {
    const promised = this.batches.get(topic)?.get(offset - index);
    if (promised === undefined || promised === number) return;
    throw new Error(`${topic}: batch ${number} stands at ${offset - index}, where ${promised} was acknowledged`);
  }

  private noteEvent(value: Uint8Array): void {
    const event = JSON.parse(new TextDecoder().decode(value)) as Record<string, unknown>;
    const { type, topic, first, last } = event;
    if (type === 'gap') this.gapEvents.push({ topic: String(topic), first: Number(first), last: Number(last) });
  }

  /** Retention may take what its own rules say, and no more. */
  private retain(): void {
    const { writer, ends } = this;
    if (writer === undefined || writer.failed !== undefined) return;
    const before = SAMPLES.map((topic) => ends.start(topic));
    const room = writer.bytes <= BUDGET && this.disk.space.freeBytes >= RESERVE;
    writer.retain();
    for (const [i, topic] of SAMPLES.entries()) {
      const [from = 0, to] = [before[i], ends.start(topic)];
      if (to === from) continue;
      this.released += to - from;
      if (to > (this.local.offsets[topic] ?? 0)) throw new Error(`${topic}: ${to} is released before it was read`);
      if (room && this.clockWrongMs !== 0) throw new Error(`${topic}: a wrong clock has deleted up to ${to}`);
    }
    writer.repairIndex();
  }

  /** Acknowledged records that a consumer has neither read nor been told of, and gaps that tell of what cannot have been lost. */
  unaccounted(consumer: DayConsumer): string[] {
    const wrong: string[] = [];
    for (const [topic, promised] of this.promised) {
      const end = consumer.offsets[topic] ?? 0;
      if (end < promised) wrong.push(`${topic}: read to ${end}, promised to ${promised}`);
    }
    for (const gap of consumer.gaps)
      if (gap.reason === 'damage' && !this.wasDamaged(gap)) wrong.push(JSON.stringify(gap));
    return wrong;
  }

  private wasDamaged({ topic, first, last }: ConsumerGap): boolean {
    for (let offset = first; offset <= last; offset++) {
      const hit = this.damaged.some((one) => one.topic === topic && offset >= one.first && offset <= one.last);
      if (!hit) return false;
    }
    return true;
  }

  /** Gaps of the link that came of retention and stand in no event. */
  untold(): ConsumerGap[] {
    return this.link.gaps.filter(({ topic, first, last, reason }) => {
      if (reason === 'damage') return false;
      let next = first;
      for (const event of this.gapEvents.toSorted((a, b) => a.first - b.first))
        if (event.topic === topic && event.first <= next) next = Math.max(next, event.last + 1);
      return next <= last;
    });
  }
}
