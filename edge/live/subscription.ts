import { effectiveTimeUs } from '../core/flags.ts';
import type { RecordCursor } from '../core/record-cursor.ts';
import type { SampleReader } from '../core/sample-codec.ts';
import { tagMatcher } from '../api/tag-match.ts';
import type { LiveItem } from './messages.ts';

/** Tags of one update at most; the others come with the next. */
const MAX_UPDATE_ITEMS = 10_000;
/** Answers of the patterns that are remembered: a path comes again and again. */
const MAX_REMEMBERED = 100_000;

/** One follower of the live view. Holds the last sample of each of its tags that nobody has taken yet: at most one a tag, however slow it is. */
export class Subscription {
  private readonly fits: (path: string) => boolean;
  private readonly remembered = new Map<string, boolean>();
  private readonly waiting = new Map<string, LiveItem>();
  /** An update is on its way and was not taken yet. */
  private underWay = false;

  constructor(patterns: readonly string[]) {
    const tests = patterns.map(tagMatcher);
    this.fits = (path) => tests.some((test) => test(path));
  }

  wants(path: string): boolean {
    let wanted = this.remembered.get(path);
    if (wanted !== undefined) return wanted;
    wanted = this.fits(path);
    if (this.remembered.size === MAX_REMEMBERED) this.remembered.clear();
    this.remembered.set(path, wanted);
    return wanted;
  }

  /** Late data does not take the place of what is newer. */
  offer(item: LiveItem): void {
    const before = this.waiting.get(item.tag);
    if (before === undefined || before.timeUs <= item.timeUs) this.waiting.set(item.tag, item);
  }

  /** The next update, if there is one and the last was taken. */
  take(): LiveItem[] | undefined {
    if (this.underWay || this.waiting.size === 0) return undefined;
    const items: LiveItem[] = [];
    for (const [tag, item] of this.waiting) {
      if (items.length === MAX_UPDATE_ITEMS) break;
      items.push(item);
      this.waiting.delete(tag);
    }
    this.underWay = true;
    return items;
  }

  taken(): void {
    this.underWay = false;
  }
}

/** The sample that the cursor stands on, with its effective time (FORMAT.md, "Flags"). */
export function liveItem(tag: string, cursor: RecordCursor, sample: SampleReader): LiveItem {
  const { kind, value, quality, flags } = sample;
  return { tag, timeUs: effectiveTimeUs(sample, cursor.timestampMs), kind, value, quality, flags };
}
