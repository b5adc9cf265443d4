/* The clock on the wall of the site, as the page shows it: whoever looks from elsewhere sees the times of the plant. */

/** What the clock shows. Months from 1. */
export interface WallTime {
  readonly year: number;
  readonly month: number;
  readonly day: number;
  readonly hour: number;
  readonly minute: number;
  readonly second: number;
}

const DAY_MS = 86_400_000;

/** A clock in a time zone of the IANA database; at first in that of this computer. */
export class SiteClock {
  private format = formatOf(undefined);
  private name = this.format.resolvedOptions().timeZone;

  /** The zone that it shows, such as `Europe/Berlin`. */
  get zone(): string {
    return this.name;
  }

  /** Shows this zone from now on; one that the browser does not know changes nothing. Returns whether it was another. */
  use(zone: string): boolean {
    const before = this.name;
    try {
      this.format = formatOf(zone);
      // As it was written: a browser may know the zone by an older name.
      this.name = zone;
    } catch {
      // The times stay those of this computer, and `zone` says so.
    }
    return this.name !== before;
  }

  /** What it shows at a time, ms. */
  at(ms: number): WallTime {
    const parts = Object.fromEntries(this.format.formatToParts(ms).map(({ type, value }) => [type, Number(value)]));
    const { year = 0, month = 0, day = 0, hour = 0, minute = 0, second = 0 } = parts;
    return { year, month, day, hour, minute, second };
  }

  /** What it shows minus UTC, ms. */
  offsetMs(ms: number): number {
    return wallMs(this.at(ms)) - Math.floor(ms / 1000) * 1000;
  }

  /**
   * Every time at which it shows this (as if that were UTC, ms), the earlier first: two in the hour that comes twice. A time that is skipped when summer time begins is the one as far behind the jump.
   */
  instantsOf(shownMs: number): number[] {
    const [before, after] = [this.offsetMs(shownMs - DAY_MS), this.offsetMs(shownMs + DAY_MS)];
    const found = [...new Set([shownMs - before, shownMs - after])].filter((ms) => ms + this.offsetMs(ms) === shownMs);
    return found.length === 0 ? [shownMs - before] : found.toSorted((a, b) => a - b);
  }
}

/** The one clock of the page. */
export const siteClock = new SiteClock();

/** What a clock shows, as if that were UTC, ms. */
export function wallMs({ year, month, day, hour, minute, second }: WallTime): number {
  return Date.UTC(year, month - 1, day, hour, minute, second);
}

function formatOf(timeZone: string | undefined): Intl.DateTimeFormat {
  return new Intl.DateTimeFormat('en-US', {
    ...(timeZone === undefined ? {} : { timeZone }),
    hourCycle: 'h23',
    year: 'numeric',
    month: 'numeric',
    day: 'numeric',
    hour: 'numeric',
    minute: 'numeric',
    second: 'numeric',
  });
}
