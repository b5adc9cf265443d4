const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;
/** Hours whose offset is remembered: more than a year in a row would need. Full, it begins anew. */
const MAX_REMEMBERED = 10_000;

/**
 * A time zone of the IANA database. Where a clock reads a time twice (summer time ends) the first of the two is meant; a time that it skips (summer time begins) is read
 * with the offset that was valid before, and so lies as far behind the jump. Both as RFC 5545 (section 3.3.5) has it.
 */
export class Zone {
  private readonly format: Intl.DateTimeFormat;
  /** Offset at the beginning of an hour, by hour since the epoch. */
  private readonly remembered = new Map<number, number>();

  private constructor(format: Intl.DateTimeFormat) {
    this.format = format;
  }

  /** The zone of that name; undefined if there is none. */
  static named(name: string): Zone | undefined {
    try {
      const options = { hourCycle: 'h23', year: 'numeric', month: 'numeric', day: 'numeric' } as const;
      const time = { hour: 'numeric', minute: 'numeric', second: 'numeric' } as const;
      return new Zone(new Intl.DateTimeFormat('en-US', { timeZone: name, era: 'short', ...options, ...time }));
    } catch (error) {
      if (error instanceof RangeError) return undefined;
      throw error;
    }
  }

  /** UTC of a clock's reading, both in ms, the reading taken as if it were UTC. */
  toUtc(wallMs: number): number {
    // No zone is further than a day from UTC, and none changes twice within two days.
    const before = this.rememberedOffset(wallMs - DAY_MS);
    const after = this.rememberedOffset(wallMs + DAY_MS);
    if (before === after) return wallMs - before;
    const later = wallMs - after;
    const isBefore = this.offsetAt(wallMs - before) === before;
    if (isBefore || this.offsetAt(later) !== after) return wallMs - before;
    return later;
  }

  /** Every time, UTC in ms, at which the clock reads this, the earlier first: two where summer time ends, none where it begins. */
  instantsOf(wallMs: number): number[] {
    const before = this.rememberedOffset(wallMs - DAY_MS);
    const after = this.rememberedOffset(wallMs + DAY_MS);
    if (before === after) return [wallMs - before];
    return [before, after].flatMap((offset) => (this.offsetAt(wallMs - offset) === offset ? [wallMs - offset] : []));
  }

  private rememberedOffset(utcMs: number): number {
    const hour = Math.floor(utcMs / HOUR_MS);
    const known = this.remembered.get(hour);
    if (known !== undefined) return known;
    const offset = this.offsetAt(hour * HOUR_MS);
    if (this.remembered.size >= MAX_REMEMBERED) this.remembered.clear();
    this.remembered.set(hour, offset);
    return offset;
  }

  /** What the clock shows minus UTC, ms. */
  private offsetAt(utcMs: number): number {
    const parts = new Map(this.format.formatToParts(utcMs).map(({ type, value }) => [type, value]));
    const part = (type: Intl.DateTimeFormatPartTypes): number => Number(parts.get(type) ?? 0);
    const wall = new Date(0);
    // Astronomical years: 1 BC is the year 0.
    wall.setUTCFullYear(parts.get('era') === 'BC' ? 1 - part('year') : part('year'), part('month') - 1, part('day'));
    wall.setUTCHours(part('hour'), part('minute'), part('second'));
    return wall.getTime() - Math.floor(utcMs / 1000) * 1000;
  }
}
