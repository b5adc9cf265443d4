import type { Sample, Tag } from './api-types.ts';
import { decimalsFor } from './format.ts';
import { assetOf, nameOf, protocolOf } from './grouping.ts';
import { severityOf, type Severity } from './quality.ts';

/** Readings of a sparkline. */
const RECENT = 60;
/** A tag is stale after so long without a sample, or ten times its usual interval if that is longer. */
const STALE_MS = 30_000;
const STALE_INTERVALS = 10;

/** A tag with its last sample and the readings before it. */
export class TagState {
  readonly path: string;
  readonly name: string;
  readonly asset: string;
  readonly unit: string | null;
  readonly type: string | null;
  readonly protocol: string;
  readonly connector: string;
  value: unknown = undefined;
  /** Time of the value; NaN before the first. */
  timeMs = Number.NaN;
  /** When it came here; what was known before counts as of its own time. */
  arrivedMs = Number.NaN;
  quality = 0;
  clockSuspect = false;
  /** Usual time between two samples, ms. */
  intervalMs = 0;
  /** Last good numbers, oldest first; at most 60. */
  readonly recent: number[] = [];
  private largest = 0;

  constructor(tag: Tag) {
    this.path = tag.path;
    this.name = nameOf(tag.path);
    this.asset = assetOf(tag.path);
    this.unit = tag.unit;
    this.type = tag.type;
    this.connector = tag.connector;
    this.protocol = protocolOf(tag);
  }

  get severity(): Severity {
    return severityOf(this.quality);
  }

  /** Decimals of its readings; never more than before. */
  get decimals(): number {
    const whole = this.type === 'long' || this.type === 'uint64';
    return whole ? 0 : decimalsFor(this.largest);
  }

  /** Whether a trend can be drawn of it. */
  get numeric(): boolean {
    return typeof this.value === 'number' || typeof this.value === 'boolean' || this.recent.length > 0;
  }

  /** Takes a sample in; an older one than the last is left out. Returns whether it was taken. */
  take({ time, value, quality, flags }: Sample, nowMs: number): boolean {
    const timeMs = Date.parse(time);
    if (timeMs < this.timeMs) return false;
    const first = Number.isNaN(this.timeMs);
    if (!first && timeMs > this.timeMs) {
      const interval = timeMs - this.timeMs;
      this.intervalMs = this.intervalMs === 0 ? interval : this.intervalMs * 0.8 + interval * 0.2;
    }
    this.value = value;
    this.timeMs = timeMs;
    this.arrivedMs = first ? Math.min(nowMs, timeMs) : nowMs;
    this.quality = quality;
    this.clockSuspect = flags?.includes('clockSuspect') ?? false;
    if (typeof value === 'number' && severityOf(quality) !== 'bad') this.remember(value);
    return true;
  }

  /** Readings from before, for the sparkline; they go before those that came since. */
  remindOf(values: readonly number[]): void {
    const since = this.recent.splice(0);
    for (const value of [...values, ...since]) this.remember(value);
  }

  private remember(value: number): void {
    this.largest = Math.max(this.largest, Math.abs(value));
    this.recent.push(value);
    if (this.recent.length > RECENT) this.recent.shift();
  }

  /** How long nothing has come, where that is longer than usual; else undefined. */
  staleFor(nowMs: number): number | undefined {
    const age = nowMs - this.arrivedMs;
    return age > Math.max(STALE_MS, this.intervalMs * STALE_INTERVALS) ? age : undefined;
  }

  /** How far the times of fresh samples lie back, where that is much; else undefined. */
  behind(nowMs: number): number | undefined {
    const lag = this.arrivedMs - this.timeMs;
    return lag > STALE_MS && nowMs - this.arrivedMs < STALE_MS ? lag : undefined;
  }
}

/** All tags of the gateway. */
export class TagStore {
  private readonly tags = new Map<string, TagState>();

  get size(): number {
    return this.tags.size;
  }

  get(path: string): TagState | undefined {
    return this.tags.get(path);
  }

  all(): Iterable<TagState> {
    return this.tags.values();
  }

  /** Makes tags known. A tag whose type or unit was learned since starts anew. Returns how many are new. */
  know(tags: readonly Tag[]): number {
    let count = 0;
    for (const tag of tags) {
      const before = this.tags.get(tag.path);
      if (before !== undefined && before.unit === tag.unit && before.type === tag.type) continue;
      const state = new TagState(tag);
      if (before !== undefined && !Number.isNaN(before.timeMs)) {
        state.take(sampleOf(before), before.arrivedMs);
        state.remindOf(before.recent.slice(0, -1));
      }
      this.tags.set(tag.path, state);
      count++;
    }
    return count;
  }

  /** Takes samples in. Returns the tags that changed; `unknown` are those that are not on the list yet. */
  take(samples: readonly Sample[], nowMs: number): { changed: TagState[]; unknown: boolean } {
    const changed: TagState[] = [];
    let unknown = false;
    for (const sample of samples) {
      const tag = this.tags.get(sample.tag);
      if (tag === undefined) unknown = true;
      else if (tag.take(sample, nowMs)) changed.push(tag);
    }
    return { changed, unknown };
  }
}

function sampleOf({ path, timeMs, value, quality }: TagState): Sample {
  return { tag: path, time: new Date(timeMs).toISOString(), value, quality };
}
