import path from 'node:path';
import { type Clock, systemClock } from '../clock.ts';
import { type ClockChange, ClockGuard } from './clock-guard.ts';
import { type Disk, readFile, replaceFile } from '../disk.ts';
import type { DiskSpace } from './disk-space.ts';
import { Fault } from '../fault.ts';
import {
  bytesByLink,
  bytesOf,
  type Holds,
  limitBytes,
  type Offsets,
  planReleases,
  type Release,
  type RetentionFacts,
} from './retention.ts';
import type { TopicLog } from '../topic-log.ts';

/** What a log keeps, and for how long. */
export interface RetentionSettings {
  /** All topics together; the oldest complete segments go when there is more. */
  readonly budgetBytes: number;
  /** So much of the disk is left to others; the smaller of 512 MiB and 2 % of the file system if left out. */
  readonly reserveBytes?: number | undefined;
  /** How long records are kept, ms, of the topics that have such a limit. */
  readonly retentionMs?: Offsets | undefined;
  /** The shortest time, ms, for which others keep what goes by the same clock (the historian); left out: nothing does. */
  readonly othersKeepMs?: number | undefined;
  /** This machine's if left out. */
  readonly clock?: Clock | undefined;
  /** Space of the log's file system; left out, there is always enough. */
  readonly space?: (() => DiskSpace) | undefined;
}

export interface LogRetentionOptions extends RetentionSettings {
  readonly disk: Disk;
  readonly logFolder: string;
}

/** An event that the log itself puts on record in topic `events` (FORMAT.md, "Topics"). */
export interface LogEvent {
  readonly key: string;
  readonly type: 'gap' | 'clock-jumped' | 'clock-confirmed';
  readonly members: Readonly<Record<string, unknown>>;
}

/** What is thought of the wall clock. */
export interface ClockState {
  /** False: nothing is deleted by its age. */
  readonly trusted: boolean;
  /** While it is not: by how much it is ahead of what was expected, ms; negative: behind. */
  readonly aheadMs: number;
}

const RESERVE_BYTES = 512 * 1024 * 1024;
const RESERVE_SHARE = 0.02;
/** Of the reserve the log itself never takes this part, at most so much: what is written there would keep others from making room. */
const FLOOR_SHARE = 1 / 8;
const MAX_FLOOR_BYTES = 64 * 1024 * 1024;
const CLOCK_FILE = 'unconfirmed-clock.json';

/** Decides what an open log lets go: holds, budget, reserve, ages, and whether the clock may be believed. Deletes nothing itself. */
export class LogRetention {
  private readonly options: LogRetentionOptions;
  private readonly clock: Clock;
  private readonly guard: ClockGuard;
  private readonly clockFile: string;
  private readonly retentionMs: Offsets;
  private topics: readonly TopicLog[] = [];
  private holds: Holds | undefined;
  private space: DiskSpace = { freeBytes: Infinity, totalBytes: 0 };
  /** Changes of the clock that are not on record yet. */
  private readonly changes: ClockChange[] = [];

  constructor(options: LogRetentionOptions) {
    this.options = options;
    this.clock = options.clock ?? systemClock();
    this.guard = new ClockGuard(this.clock);
    this.clockFile = path.join(options.logFolder, CLOCK_FILE);
    this.retentionMs = options.retentionMs ?? {};
  }

  /** Begins with the topics of an open log. Throws `data-unreadable`. */
  open(topics: readonly TopicLog[]): void {
    this.topics = topics;
    const times = topics.flatMap(({ latestMs }) => latestMs ?? []);
    // Heartbeats stand there every ten seconds, and what was stamped by a wrong clock is soon followed by what was not.
    const lastMs =
      topics.find(({ topic }) => topic === 'events')?.latestMs ?? (times.length > 0 ? Math.max(...times) : undefined);
    const kept = [...Object.values(this.retentionMs), this.options.othersKeepMs ?? []].flat();
    const shortestRetentionMs = kept.length > 0 ? Math.min(...kept) : undefined;
    this.guard.start({ lastMs, believedMs: this.readBelieved(), shortestRetentionMs });
    this.look();
  }

  /** Notes what consumers still need. Before the first call nothing is deleted: a consumer that still starts may need it. */
  hold(holds: Holds): void {
    this.holds = holds;
  }

  /** Somebody says that the wall clock is right. */
  confirmClock(): void {
    this.changed(this.guard.confirm());
  }

  get clockState(): ClockState {
    const { trusted, aheadMs } = this.guard;
    return { trusted, aheadMs: trusted ? 0 : aheadMs };
  }

  /** The last wall time that was believed, ms: while the clock is in doubt it stands still. */
  get believedMs(): number {
    return this.guard.believedMs;
  }

  /** Looks at the clock and at the disk; to be called once a second, before `plan`. */
  look(): void {
    this.changed(this.guard.look());
    if (this.options.space === undefined) return;
    this.space = this.options.space();
    // Deleted, and on its way back to the disk: nothing more has to go for it.
    for (const { deletedBytes } of this.topics) this.released(deletedBytes);
  }

  /** Events that the log owes: they are no longer when this returns. */
  takeEvents(): LogEvent[] {
    return this.changes.splice(0).map(({ type, aheadMs, by }) => {
      const members = { aheadSeconds: Math.round(aheadMs / 1000), ...(by === undefined ? {} : { by }) };
      return { key: 'gateway', type, members };
    });
  }

  /** What goes now. Of what goes for its age, only what is as old as its time index says. */
  plan(): Release[] {
    for (let { facts } = this; facts !== undefined; { facts } = this) {
      const releases = planReleases(facts);
      const wrong = releases.filter((release) => !this.isAged(release));
      if (wrong.length === 0) return releases;
      // Their age is not known any more: it is planned again without.
    }
    return [];
  }

  /** False: its time index was found wrong. */
  private isAged({ topic, segment, reason }: Release): boolean {
    const forItsAge = reason === 'expired' || reason === 'held-by-links';
    if (!forItsAge || this.retentionMs[topic] === undefined || segment.greatestMs === undefined) return true;
    return this.topics.find((log) => log.topic === topic)?.isAged(segment.baseOffset) !== false;
  }

  /** Records that links lose with these segments, a gap for each topic. */
  gaps(releases: readonly Release[]): LogEvent[] {
    const topics = [...new Set(releases.map(({ topic }) => topic))];
    return topics.flatMap((topic) => {
      const lost = releases.filter((release) => release.topic === topic && release.lacking.length > 0);
      return lost.length === 0 ? [] : [this.gap(topic, lost)];
    });
  }

  private gap(topic: string, lost: readonly Release[]): LogEvent {
    const last = (lost.at(-1)?.segment.endOffset ?? 0) - 1;
    const base = lost[0]?.segment.baseOffset ?? 0;
    const froms = new Map<string, number | null>();
    for (const { lacking } of lost) for (const { link, from } of lacking) if (!froms.has(link)) froms.set(link, from);
    const links = [...froms].map(([name, from]) => ({ name, from }));
    const first = Math.max(base, Math.min(...links.map(({ from }) => from ?? base)));
    const fromMs = this.topics.find((log) => log.topic === topic)?.beginMs(base) ?? 0;
    const toMs = Math.max(0, ...lost.map(({ segment }) => segment.greatestMs ?? 0));
    return {
      key: `topic/${topic}`,
      type: 'gap',
      members: { topic, first, last, fromMs, toMs, reason: 'retention', links },
    };
  }

  /** So many bytes have gone. */
  released(bytes: number): void {
    this.space = { ...this.space, freeBytes: this.space.freeBytes + bytes };
  }

  /** Whether the log keeps to its budget and leaves the reserve. */
  get isWithin(): boolean {
    return bytesOf(this.topics.map(({ facts }) => facts)) <= this.limitBytes;
  }

  /** Bytes that the log may take now. */
  get limitBytes(): number {
    const facts = this.factsWith(this.holds ?? {});
    return limitBytes(facts, bytesOf(facts.topics));
  }

  /** By link, bytes that it has not had. */
  get linkBytes(): Record<string, number> {
    const { topics, holds } = this.factsWith(this.holds ?? {});
    return bytesByLink(topics, holds);
  }

  /** Whether there is so little space that the log itself must not write: nothing may go until consumers in this gateway have moved on, or somebody makes room. */
  get isStarved(): boolean {
    return this.space.freeBytes < Math.min(this.reserveBytes * FLOOR_SHARE, MAX_FLOOR_BYTES);
  }

  /** Whether the log may take so much for itself, as of the last look; false where nobody says how full the disk is. */
  hasSpaceFor(bytes: number): boolean {
    return Number.isFinite(this.space.freeBytes) && !this.isStarved && this.space.freeBytes >= 2 * bytes;
  }

  private get reserveBytes(): number {
    return this.options.reserveBytes ?? Math.min(RESERVE_BYTES, Math.floor(this.space.totalBytes * RESERVE_SHARE));
  }

  private get facts(): RetentionFacts | undefined {
    return this.holds && this.factsWith(this.holds);
  }

  private factsWith(holds: Holds): RetentionFacts {
    const { clock, guard, space, reserveBytes, retentionMs } = this;
    return {
      topics: this.topics.map(({ facts }) => facts),
      holds,
      budgetBytes: this.options.budgetBytes,
      freeBytes: space.freeBytes,
      reserveBytes,
      retentionMs,
      nowMs: clock.nowMs(),
      clockTrusted: guard.trusted,
    };
  }

  /** The doubt outlives this process: the stamps of a wrong clock would speak for it at the next start. */
  private changed(change: ClockChange | undefined): void {
    if (change === undefined) return;
    const { disk, logFolder } = this.options;
    if (change.type === 'clock-jumped') {
      replaceFile(disk, this.clockFile, `${JSON.stringify({ v: 1, believedMs: this.guard.believedMs })}\n`);
    } else {
      if (disk.list(logFolder).includes(CLOCK_FILE)) disk.unlink(this.clockFile);
      disk.syncFolder(logFolder);
    }
    this.changes.push(change);
  }

  private readBelieved(): number | undefined {
    const bytes = readFile(this.options.disk, this.clockFile);
    if (bytes === undefined) return undefined;
    const found = /^\{"v":1,"believedMs":(\d{1,16})\}\n?$/.exec(new TextDecoder().decode(bytes))?.[1];
    if (found !== undefined) return Number(found);
    throw new Fault(
      'data-unreadable',
      `${this.clockFile} does not say when the clock was right. Without it the log can be opened: its newest records then tell.`,
    );
  }
}
