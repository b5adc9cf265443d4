import { setTimeout as pause } from 'node:timers/promises';
import type { Clock } from '../../edge/core/clock.ts';
import { Fault } from '../../edge/core/fault.ts';
import type { Sample } from '../../edge/core/sample.ts';
import { withLostRange } from '../follow/lost-ranges.ts';
import type { LostRange } from '../files/manifest.ts';
import { SeriesIndex } from '../files/series-index.ts';
import { QuestdbHttp, type QuestdbAddress } from './http.ts';
import { LineBuffer, linePrefix } from './ilp.ts';
import { Lane } from './lane.ts';
import { APPLY_POLL_MS, FIRST_TIME_US, GROWTH_LIMIT_MS, LANES, MAX_UNAPPLIED_ROWS } from './limits.ts';
import { Refusals } from './refusals.ts';
import { prepareTables, resumeIfSafe, suspended, type TableNames, type WalState, walStates } from './table.ts';

/** What a delivery needs. */
export interface DeliveryOptions {
  readonly address: QuestdbAddress;
  readonly names: TableNames;
  /** Of the log that the offsets are of. */
  readonly epoch: number;
  readonly clock: Pick<Clock, 'monotonicMs'>;
  /** Told of what QuestDB cannot take, and goes on: of the first row at once, of those that follow once a minute. */
  readonly report: (fault: Fault) => void;
  readonly lanes?: number;
  /** A table whose log does not show within this time what was acknowledged has lost it; 10 s if left out. */
  readonly growthLimitMs?: number;
}

interface TableStates {
  readonly samples: WalState;
  readonly gaps: WalState;
}

/** Before the delivery is open. */
const UNKNOWN: WalState = {
  identity: '',
  suspended: false,
  applied: 0,
  committed: 0,
  errorTag: '',
  errorMessage: '',
};

/** Why a row is refused before it is sent. */
const UNSTORABLE = 'a time before 1970';

/**
 * Rows on their way into one QuestDB table, for one life of its connections: encoded, sent in lanes by tag, and confirmed only when the table has applied them. Any failure ends it
 * (`failed`); whoever owns it begins anew from where the last confirmation was, which is free of duplicates.
 */
export class Delivery {
  readonly series = new SeriesIndex();
  /** Rows added, and rows that QuestDB could not take. */
  rows = 0;
  refused = 0;
  failed: Fault | undefined;
  private readonly options: DeliveryOptions;
  private readonly control: QuestdbHttp;
  private readonly connections: QuestdbHttp[] = [];
  private readonly lanes: Lane[] = [];
  private readonly topics: string[] = [];
  /** By series. */
  private readonly prefixes: Uint8Array[] = [];
  private readonly laneOf: Lane[] = [];
  private readonly gapLines = new LineBuffer(1000, 1024 * 1024);
  private lost: readonly LostRange[] = [];
  private baseline: TableStates = { samples: UNKNOWN, gaps: UNKNOWN };
  /** Requests that were acknowledged, and those that were when the baseline was taken. */
  private requests = 0;
  private seenRequests = 0;
  private unapplied = 0;
  /** Whoever waits for the server, to be told when the delivery has failed. */
  private readonly enders = new Set<(fault: Fault) => void>();
  private readonly roomWaiters: (() => void)[] = [];
  private readonly refusals: Refusals;

  constructor(options: DeliveryOptions) {
    this.options = options;
    this.refusals = new Refusals(options.clock, options.report);
    this.control = new QuestdbHttp(options.address);
  }

  /** Makes or checks the tables, waits until they have applied what they were given before, and opens the lanes. Returns what tells this table from another one of its name. */
  async open(): Promise<WalState> {
    const { names, address, lanes = LANES } = this.options;
    await this.control.hello();
    await prepareTables(this.control, names);
    const states = await walStates(this.control, names);
    await resumeIfSafe(this.control, names.samples, states.samples);
    await resumeIfSafe(this.control, names.gaps, states.gaps);
    this.baseline = await this.applied(states, { samples: 0, gaps: 0 });
    for (let i = 0; i < lanes; i++) {
      const connection = new QuestdbHttp(address);
      this.connections.push(connection);
      this.lanes.push(
        new Lane(connection, {
          onAcknowledged: () => this.acknowledged(),
          onRefused: (row, why) => this.refuse(`${row.slice(0, 300).trimEnd()}: ${why}`),
          onFailed: (fault) => this.fail(fault),
        }),
      );
    }
    return this.baseline.samples;
  }

  /** Ends the connections and whatever waits. */
  close(): void {
    this.fail(new Fault('not-ready', 'The delivery has ended.'));
    this.refusals.tell();
    this.control.close();
    for (const connection of this.connections) connection.close();
  }

  /** The last transaction of the table of samples that is known to be applied. */
  get transaction(): number {
    return this.baseline.samples.committed;
  }

  /** Number of a topic, for `series`. */
  topic(name: string): number {
    const known = this.topics.indexOf(name);
    return known < 0 ? this.topics.push(name) - 1 : known;
  }

  /** The topic with a number. */
  topicName(number: number): string {
    return this.topics[number] ?? '';
  }

  /** True: wait for `room` before the next row. */
  get full(): boolean {
    return this.unapplied >= MAX_UNAPPLIED_ROWS || this.lanes.some((lane) => lane.full);
  }

  /** Adds a row. `timeUs` is the effective time, `deviceTimeUs` NaN where it is the same. */
  add(series: number, timeUs: number, offset: number, sample: Sample, deviceTimeUs: number): void {
    if (timeUs < FIRST_TIME_US)
      return this.refuse(`${this.series.tag(series)} at ${timeUs} µs, offset ${offset}: ${UNSTORABLE}`);
    const lane = this.laneOf[series] ?? this.meet(series);
    lane.buffer.add(
      this.prefixes[series] ?? new Uint8Array(0),
      timeUs,
      this.options.epoch,
      offset,
      sample,
      deviceTimeUs,
    );
    this.rows++;
    this.unapplied++;
    lane.added();
  }

  /** Records that are not to be had. */
  lose(range: LostRange): void {
    this.lost = withLostRange(this.lost, range);
  }

  /** Sends what waits for company. */
  push(): void {
    for (const lane of this.lanes) lane.push();
  }

  /** Resolves when a row can be added. Rejects with why none ever can. */
  async room(): Promise<void> {
    while (this.full) {
      this.push();
      await this.orEnd(new Promise<void>((resolve) => this.roomWaiters.push(resolve)));
    }
  }

  /**
   * Resolves when all that was added before the call can be seen in the table. An acknowledgement is no proof of that: the table's own log must have grown by these requests, the table
   * must be the same as at the start, and it must have applied its log up to there. Rejects with what stands against it: `questdb-suspended`, `questdb-rows-lost`, `questdb-unreachable`.
   * One at a time.
   */
  async confirm(): Promise<void> {
    const rows = this.unapplied;
    await this.orEnd(Promise.all(this.lanes.map((lane) => lane.drained())));
    const { requests } = this;
    const gaps = await this.orEnd(this.sendGaps());
    const before = this.baseline;
    const states = await this.applied(before, { samples: requests - this.seenRequests, gaps });
    // What was sent since may be in the number already: it must not be asked for again.
    const unsure = this.requests - requests + this.lanes.filter((lane) => lane.isSending).length;
    const least = before.samples.committed + requests - this.seenRequests;
    const committed = Math.max(least, states.samples.committed - unsure);
    this.baseline = { samples: { ...states.samples, committed }, gaps: states.gaps };
    this.seenRequests = requests;
    this.unapplied -= rows;
    this.refusals.tellIfDue();
    this.wakeRoom();
  }

  /** Changes rows that are there. Resolves when that is accepted; `confirm` waits until it can be seen. */
  async change(statement: string): Promise<void> {
    await this.orEnd(this.control.exec(statement));
    // It grows the table's log as a request does.
    this.acknowledged();
  }

  /** New connections for rows; none is lost. */
  renew(): void {
    for (const lane of this.lanes) lane.renew();
  }

  /** Waits until both tables have applied what is committed now, which is so many requests more than `before`. */
  private async applied(before: TableStates, requests: { samples: number; gaps: number }): Promise<TableStates> {
    const { names, growthLimitMs = GROWTH_LIMIT_MS } = this.options;
    const endMs = performance.now() + growthLimitMs;
    for (let target: TableStates | undefined; ; await this.orEnd(pause(APPLY_POLL_MS))) {
      const now = await this.orEnd(walStates(this.control, names));
      for (const which of ['samples', 'gaps'] as const) {
        if (now[which].suspended) throw suspended(names[which], now[which]);
        if (now[which].identity !== before[which].identity) throw recreated(names[which]);
      }
      // Just after the first rows of a table, or a start of the server, the number may be an old one.
      const [samples, gaps] = [growth(before.samples, now.samples), growth(before.gaps, now.gaps)];
      if (samples >= requests.samples && gaps >= requests.gaps) target ??= now;
      const isApplied = target !== undefined && now.samples.applied >= target.samples.committed;
      if (isApplied && target !== undefined && now.gaps.applied >= target.gaps.committed) return now;
      if (target === undefined && performance.now() > endMs)
        throw new Fault(
          'questdb-rows-lost',
          `${names.samples}: ${requests.samples} requests were acknowledged, its log grew by ${samples}.`,
        );
    }
  }

  /** Requests that this took. */
  private async sendGaps(): Promise<number> {
    if (this.lost.length === 0) return 0;
    const { gapLines, control } = this;
    const { names, epoch } = this.options;
    gapLines.reset();
    for (const { topic, first, last, reason, fromMs, toMs } of this.lost) {
      const prefix = Buffer.from(`${names.gaps},topic=${topic} `);
      const fields = `epoch=${epoch}i,offset=${first}i,last=${last}i,until=${toMs * 1000}t,reason="${reason}"`;
      gapLines.addPlain(prefix, fields, fromMs * 1000);
    }
    const refusal = await control.write(gapLines.content);
    if (refusal !== undefined) throw new Fault('questdb-refused', `${refusal.message} (HTTP ${refusal.status})`);
    this.lost = [];
    return 1;
  }

  private meet(series: number): Lane {
    const key = this.series.key(series);
    this.prefixes[series] = linePrefix(this.options.names.samples, key, this.topics[this.series.topic(series)] ?? '');
    const lane = this.lanes[hashOf(key) % this.lanes.length];
    if (lane === undefined) throw new Fault('not-ready', 'The delivery is not open.');
    this.laneOf[series] = lane;
    return lane;
  }

  private acknowledged(): void {
    this.requests++;
    this.wakeRoom();
  }

  private wakeRoom(): void {
    for (const resolve of this.roomWaiters.splice(0)) resolve();
  }

  private refuse(what: string): void {
    this.refused++;
    this.refusals.add(what);
  }

  private fail(fault: Fault): void {
    if (this.failed !== undefined) return;
    this.failed = fault;
    for (const end of this.enders) end(fault);
    this.enders.clear();
  }

  /** The same, or the failure of the delivery where that comes first. Not a race with one long promise: that would remember every work of a life. */
  private orEnd<T>(work: Promise<T>): Promise<T> {
    if (this.failed !== undefined) {
      work.catch(() => undefined); // the failure of the delivery is what is told
      return Promise.reject(this.failed);
    }
    const { promise, resolve, reject } = Promise.withResolvers<T>();
    this.enders.add(reject);
    void work.then(resolve, reject).finally(() => this.enders.delete(reject));
    return promise;
  }
}

function growth(before: WalState, now: WalState): number {
  return now.committed - before.committed;
}

function recreated(table: string): Fault {
  return new Fault('questdb-rows-lost', `${table} is another table than before: it was dropped and created anew.`);
}

/** FNV-1a: the same tag has the same lane in each of its topics. */
function hashOf(bytes: Uint8Array): number {
  let hash = 0x811c9dc5;
  for (const byte of bytes) hash = Math.imul(hash ^ byte, 0x01000193);
  return hash >>> 0;
}
