import { Flag } from '../../edge/core/flags.ts';
import { type EraseRequest, isAbout } from '../files/erasures.ts';
import type { Expiry } from '../files/manifest.ts';
import type { HistoricSample } from '../points/points.ts';
import { lineOf, type Tagged } from './history-kit.ts';

/** For tests: a sample as a historian gives it, and everything of it as one line. */
export interface NaiveSample extends HistoricSample {
  readonly ingestMs: number;
  readonly line: string;
}

/** For tests: whether something is of this time. */
export function isIn({ fromUs, toUs }: { readonly fromUs: number; readonly toUs: number }) {
  return ({ timeUs }: { readonly timeUs: number }): boolean => timeUs >= fromUs && timeUs < toUs;
}

/** For tests: a historian that is a sorted list for each tag. */
export class NaiveHistorian {
  readonly lists = new Map<string, NaiveSample[]>();
  /** Samples ever taken, by tag. */
  readonly ever = new Map<string, number>();
  private readonly topics: readonly string[];

  /** Topics in the order in which the historian met them. */
  constructor(topics: readonly string[]) {
    this.topics = topics;
  }

  add(topic: string, offset: number, ingestMs: number, { tag, sample }: Tagged): void {
    const suspect = (sample.flags & Flag.clockSuspect) !== 0;
    const timeUs = suspect ? ingestMs * 1000 : sample.timeUs;
    const stored: HistoricSample = { ...sample, timeUs, deviceTimeUs: suspect ? sample.timeUs : null, topic, offset };
    const taken = { ...stored, ingestMs, line: lineOf(stored) };
    const list = this.lists.get(tag) ?? [];
    this.lists.set(tag, list);
    let at = list.length;
    while (at > 0 && this.compare(list[at - 1] ?? taken, taken) > 0) at--;
    list.splice(at, 0, taken);
    this.ever.set(tag, (this.ever.get(tag) ?? 0) + 1);
  }

  private compare(a: NaiveSample, b: NaiveSample): number {
    const { topics } = this;
    return a.timeUs - b.timeUs || topics.indexOf(a.topic) - topics.indexOf(b.topic) || a.offset - b.offset;
  }

  /** With `fromUs` ≤ time < `toUs`. */
  all(tag: string, fromUs: number, toUs: number): NaiveSample[] {
    return (this.lists.get(tag) ?? []).filter(isIn({ fromUs, toUs }));
  }

  /** The same without what a correction has replaced. */
  shown(tag: string, fromUs: number, toUs: number): NaiveSample[] {
    const all = this.all(tag, fromUs, toUs);
    const corrections = new Map<number, number>();
    for (const [i, { timeUs, flags }] of all.entries()) if ((flags & Flag.correction) !== 0) corrections.set(timeUs, i);
    return all.filter(({ timeUs }, i) => i >= (corrections.get(timeUs) ?? 0));
  }

  /** Takes out what lies below these offsets. */
  erase(request: EraseRequest, below: (topic: string) => number): void {
    const isLeft = ({ timeUs, topic, offset }: NaiveSample): boolean =>
      timeUs < request.fromUs || timeUs >= request.toUs || offset >= below(topic);
    for (const [tag, list] of this.lists) if (isAbout(request, tag)) this.lists.set(tag, list.filter(isLeft));
  }

  /** Throws where something expires that is younger than it is kept, ms. */
  expire(expired: readonly Expiry[], nowMs: number, keptMs: Readonly<Record<string, number>>): void {
    for (const { topic, beforeUs, below } of expired) {
      const latestMs = nowMs - (keptMs[topic] ?? Infinity);
      const isGone = (each: NaiveSample): boolean =>
        each.topic === topic && each.timeUs < beforeUs && each.offset < below;
      for (const [tag, list] of this.lists) {
        for (const { timeUs, ingestMs } of list.filter(isGone))
          if (Math.max(timeUs / 1000, ingestMs) > latestMs) throw new Error(`${tag} at ${timeUs} expired too soon`);
        this.lists.set(
          tag,
          list.filter((each) => !isGone(each)),
        );
      }
    }
  }
}
