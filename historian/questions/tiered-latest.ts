import { Fault } from '../../edge/core/fault.ts';
import type { Gap } from '../reading/gap.ts';
import { Points } from '../points/points.ts';
import type { SampleHistory } from '../queries/history.ts';
import { Latest } from '../queries/latest.ts';
import { lastBefore, type OneSample } from './last-before.ts';
import type { WholeHistory } from './whole-history.ts';

/** Tags that are looked up for one answer: each costs some milliseconds. */
const MAX_LOOKED_UP = 1000;
/** Tags of one question to the store. */
const ASKED_TAGS = 1000;
/** Last samples that are remembered, without long values. */
const MAX_REMEMBERED = 20_000;
const MAX_VALUE_BYTES = 1024;
const NO_PLACES = new Uint32Array(0);
const NOT_ASKED = 'It was not looked up in an answer about so many tags: ask for this one by its name.';

interface Remembered {
  /** Of the last sample that has expired, µs. */
  readonly lastUs: number;
  /** Undefined: it was erased, and all before it. */
  readonly sample: OneSample | undefined;
}

/** The last sample of a tag that lies behind the store, and what may hide a later one. */
interface Found {
  readonly sample: OneSample | undefined;
  readonly gaps: readonly Gap[];
}

/**
 * The last samples of tags, also where they have expired in the store. Those that were found behind it are remembered: they stay what they are until something else lies there. Where one cannot be had, or may be hidden by
 * a file that is damaged or gone, and beyond 1,000 that are not known yet, the answer has a gap.
 */
export class TieredLatest {
  private readonly store: Pick<SampleHistory, 'latest' | 'summaries'>;
  private readonly whole: WholeHistory;
  private readonly remembered = new Map<string, Remembered>();
  private changes = 0;

  constructor(store: Pick<SampleHistory, 'latest' | 'summaries'>, whole: WholeHistory) {
    this.store = store;
    this.whole = whole;
  }

  async *of(tags: readonly string[] | null): AsyncGenerator<Latest> {
    const expired: string[] = [];
    for await (const part of this.store.latest(tags, this.whole.beginUs)) {
      yield part;
      for (const tag of part.expired()) expired.push(tag);
    }
    if (this.changes !== this.whole.changes) this.remembered.clear();
    this.changes = this.whole.changes;
    let looked = 0;
    for (let at = 0; at < expired.length; at += ASKED_TAGS) {
      const some = expired.slice(at, at + ASKED_TAGS);
      for (const { tag, firstUs, lastUs } of await this.store.summaries(some, this.whole.beginUs)) {
        if (this.remembered.get(tag)?.lastUs !== lastUs) looked++;
        const last = await this.lastOf(tag, firstUs, lastUs, looked <= MAX_LOOKED_UP);
        if (last !== undefined) yield last;
      }
    }
  }

  private async lastOf(tag: string, firstUs: number, lastUs: number, mayLook: boolean): Promise<Latest | undefined> {
    const span = { fromUs: firstUs, toUs: lastUs + 1, samples: null };
    const reason = 'tier-not-asked' as const;
    if (!mayLook && this.remembered.get(tag)?.lastUs !== lastUs)
      return latestOf(tag, { sample: undefined, gaps: [{ ...span, reason, detail: NOT_ASKED }] });
    try {
      return latestOf(tag, await this.look(tag, lastUs));
    } catch (error) {
      if (!(error instanceof Fault)) throw error;
      const why = error.code === 'tier-unreachable' ? error.code : 'tier-missing';
      return latestOf(tag, { sample: undefined, gaps: [{ ...span, reason: why, detail: error.message }] });
    }
  }

  private async look(tag: string, lastUs: number): Promise<Found> {
    const { whole, remembered } = this;
    const before = remembered.get(tag);
    if (before?.lastUs === lastUs) return { sample: before.sample, gaps: [] };
    const firstUs = await whole.open();
    // By what they say: they come again with each page.
    const gaps = new Map<string, Gap>();
    const page: SampleHistory['page'] = async (query) => {
      const found = await whole.page(query);
      for (const gap of found.gaps)
        if (gap.reason === 'tier-damaged' || gap.reason === 'tier-missing') gaps.set(JSON.stringify(gap), gap);
      return found;
    };
    const summaries = () => Promise.resolve([{ tag, samples: 2, firstUs, lastUs: firstUs + 1 }]);
    const sample = await lastBefore({ page, summaries }, tag, lastUs + 1);
    const foundUs = sample?.points.times[0] ?? Number.NEGATIVE_INFINITY;
    const hiding = [...gaps.values()].filter(({ toUs }) => toUs > foundUs);
    // The next answer is to tell of them too.
    if (hiding.length > 0) return { sample, gaps: hiding };
    if (remembered.size >= MAX_REMEMBERED) remembered.clear();
    if ((sample?.points.heapLength ?? 0) <= MAX_VALUE_BYTES) remembered.set(tag, { lastUs, sample });
    return { sample, gaps: [] };
  }
}

const NOTHING = { without: NO_PLACES, expired: NO_PLACES, standing: [] };

/** Undefined: nothing is to be told. */
function latestOf(tag: string, { sample, gaps }: Found): Latest | undefined {
  if (sample === undefined && gaps.length === 0) return undefined;
  const { points, topics } = sample ?? { points: new Points(0), topics: [] };
  const places = new Uint32Array(points.count);
  return new Latest({ ...NOTHING, points, topics, places, gaps: gaps.map((gap) => ({ place: 0, gap })) }, () => tag);
}
