import { Fault } from '../../edge/core/fault.ts';

/** Clocks of a zone are looked at so far apart, s. The shortest time for which a zone ever left its offset and came back is just below four days (Freetown, 1939). */
const PROBE_S = 3 * 86_400;
/** Zones that are remembered; beyond it the one that was made first is forgotten. */
const MAX_ZONES = 32;

const zones = new Map<string, Zone>();

/**
 * The clock of an IANA time zone, out of the time zone data that Node brings along (Intl). Intl tells only the offset of one instant, so the instants at which it changes are found
 * by looking every three days and halving, and kept: a span costs 0.1 ms a year the first time and nothing later. All numbers are whole seconds: of UTC since the epoch, and of
 * the local clock since its own 1970-01-01T00:00.
 */
export class Zone {
  readonly name: string;
  private readonly format: Intl.DateTimeFormat;
  private readonly offsets = new Map<string, number>();
  /** What is known: from `fromS` to `toS`, where segment i begins at `starts[i]` and has `segmentOffsets[i]`. */
  private fromS = 0;
  private toS = 0;
  private readonly starts: number[] = [];
  private readonly segmentOffsets: number[] = [];

  private constructor(name: string, format: Intl.DateTimeFormat) {
    this.name = name;
    this.format = format;
  }

  /** The zone of this name. Throws `request-invalid` if there is none. */
  static of(name: string): Zone {
    const known = zones.get(name);
    if (known !== undefined) return known;
    const zone = new Zone(name, formatOf(name));
    const [oldest] = zones.keys();
    if (zones.size >= MAX_ZONES && oldest !== undefined) zones.delete(oldest);
    zones.set(name, zone);
    return zone;
  }

  /** The segments of equal offset that a span touches. */
  clock(fromS: number, toS: number): ZoneClock {
    this.learn(fromS, toS);
    return new ZoneClock(this.starts, this.segmentOffsets);
  }

  private learn(fromS: number, toS: number): void {
    if (this.starts.length === 0) {
      this.fromS = Math.floor(fromS / PROBE_S) * PROBE_S;
      this.toS = this.fromS;
      this.starts.push(Number.NEGATIVE_INFINITY);
      this.segmentOffsets.push(this.offsetAt(this.fromS));
    }
    while (this.toS <= toS) {
      this.findChanges(this.toS, this.toS + PROBE_S, this.starts.length);
      this.toS += PROBE_S;
    }
    while (this.fromS > fromS) {
      this.fromS -= PROBE_S;
      // The first segment reaches back without end: what was learned of it is true from its old beginning on.
      const offset = this.offsetAt(this.fromS);
      const later = this.segmentOffsets[0];
      if (offset === later) continue;
      this.segmentOffsets[0] = offset;
      this.findChanges(this.fromS, this.fromS + PROBE_S, 1);
    }
  }

  /** Adds the changes in `fromS` < time ≤ `toS` as segments from number `at` on. */
  private findChanges(fromS: number, toS: number, at: number): void {
    const endOffset = this.offsetAt(toS);
    let place = at;
    let low = fromS;
    let offset = this.segmentOffsets[place - 1] ?? 0;
    while (offset !== endOffset) {
      let high = toS;
      while (high - low > 1) {
        const middle = Math.floor((low + high) / 2);
        if (this.offsetAt(middle) === offset) low = middle;
        else high = middle;
      }
      offset = this.offsetAt(high);
      this.starts.splice(place, 0, high);
      this.segmentOffsets.splice(place, 0, offset);
      place++;
      low = high;
    }
  }

  /** Seconds by which the local clock is ahead of UTC. */
  private offsetAt(timeS: number): number {
    const text = this.format.format(timeS * 1000);
    const written = text.slice(text.indexOf('GMT'));
    const known = this.offsets.get(written);
    if (known !== undefined) return known;
    const offset = parseOffset(written);
    this.offsets.set(written, offset);
    return offset;
  }
}

/** Reads a zone's segments in one direction: questions must not go back in time, so each costs next to nothing. */
export class ZoneClock {
  private readonly starts: readonly number[];
  private readonly offsets: readonly number[];
  private segment = 0;

  constructor(starts: readonly number[], offsets: readonly number[]) {
    this.starts = starts;
    this.offsets = offsets;
  }

  /** Offset at an instant, s. */
  offsetAt(timeS: number): number {
    while (this.end <= timeS) this.segment++;
    return this.offset;
  }

  /** Where the segment of the last question begins and ends, and its offset. */
  get start(): number {
    return this.starts[this.segment] ?? 0;
  }

  get end(): number {
    return this.starts[this.segment + 1] ?? Number.POSITIVE_INFINITY;
  }

  get offset(): number {
    return this.offsets[this.segment] ?? 0;
  }

  /**
   * The first instant at which the local clock shows this time or a later one: of a time that comes twice the first, of a time that is left out the instant of the change. It
   * never decreases from one local time to a later one, so boundaries made of it never cross.
   */
  firstAt(localS: number): number {
    while (this.end + this.offset <= localS) this.segment++;
    return Math.max(this.start, localS - this.offset);
  }

  /** A clock that can be asked from the beginning again. */
  fromStart(): ZoneClock {
    return new ZoneClock(this.starts, this.offsets);
  }
}

function formatOf(zone: string): Intl.DateTimeFormat {
  try {
    // The second is the shortest text that Intl makes beside the offset.
    return new Intl.DateTimeFormat('en-US', { timeZone: zone, timeZoneName: 'longOffset', second: 'numeric' });
  } catch (error) {
    throw new Fault('request-invalid', `There is no time zone "${zone}".`, { cause: error });
  }
}

/** `GMT`, `GMT+01:00` or `GMT+00:53:28`. */
function parseOffset(text: string): number {
  const match = /^GMT(?:([+\u2212-])(\d{2}):(\d{2})(?::(\d{2}))?)?$/.exec(text);
  if (match === null) throw new Fault('internal', `Intl writes an offset as "${text}".`);
  const [, sign, hours = '0', minutes = '0', seconds = '0'] = match;
  const amount = Number(hours) * 3600 + Number(minutes) * 60 + Number(seconds);
  return sign === undefined || sign === '+' ? amount : -amount;
}
