import {
  type CounterRules,
  isPlain,
  type Reading,
  readReplacements,
  readStep,
  type Replacement,
  type StepKind,
} from './counter-rules.ts';
import { OnePerTime, type OnePerTimeState } from './one-per-time.ts';
import { counts, type Piece, Rows } from './piece.ts';

/** Marks of a step, and of a bucket that has a part of it. */
export const CounterMark = {
  rollover: 1,
  reset: 2,
  correction: 4,
  /** What was counted in it is not known. */
  replacement: 8,
  knownReplacement: 16,
  /** It could be read otherwise; the event says how. */
  ambiguous: 32,
  /** Between its readings others were not good: when it was counted is not known. */
  gap: 64,
} as const;

const marks: Readonly<Record<StepKind, number>> = {
  count: 0,
  rollover: CounterMark.rollover,
  reset: CounterMark.reset,
  correction: CounterMark.correction,
  replacement: CounterMark.replacement,
  'known-replacement': CounterMark.knownReplacement,
};

function markOf({ kind, ambiguous }: Reading): number {
  return marks[kind] | (ambiguous ? CounterMark.ambiguous : 0);
}

/** A step that is not simply up, or that can be read otherwise. */
export interface CounterEvent extends Reading {
  /** Times of the two readings, µs. */
  readonly sinceUs: number;
  readonly timeUs: number;
  readonly before: number;
  readonly after: number;
}

/** A reading that a counter with this rollover cannot show; the first one of several in a row. */
export interface ImpossibleReading {
  readonly timeUs: number;
  readonly reading: number;
}

/** Steps from one good reading to the next, of a device that was replaced to its last and from the first of the new one: `times` are those of the later one, `values` what was counted, `qualities` of the later one. */
export class CounterSteps extends Rows {
  /** Time of the earlier reading, µs. */
  sinceUs = new Float64Array(64);
  /** Bits of `CounterMark`. */
  marks = new Uint8Array(64);

  pushStep(sinceUs: number, timeUs: number, amount: number, quality: number, mark: number): void {
    this.push(timeUs, amount, quality);
    if (this.count > this.sinceUs.length) {
      const { length } = this.times;
      const [since, bits] = [new Float64Array(length), new Uint8Array(length)];
      since.set(this.sinceUs);
      bits.set(this.marks);
      this.sinceUs = since;
      this.marks = bits;
    }
    this.sinceUs[this.count - 1] = sinceUs;
    this.marks[this.count - 1] = mark;
  }
}

/** The last reading, as plain data. */
export interface CounterState {
  readonly readings: OnePerTimeState;
  readonly lastUs: number;
  readonly last: number;
  readonly hasGap: boolean;
  readonly impossibleUs: number;
  readonly replacement: number;
}

/**
 * What a counter has counted between its good readings, right over rollover, reset and replacement as far as that can be known (`readStep`); what cannot be is told as an event with
 * both readings. Bad readings and those that cannot be (not below `rollover`) are skipped: a counter has counted on, so the next good one tells how much. Of several at one time the
 * last good one counts.
 *
 * In memory is one reading; a call gives at most as many steps and events as it has samples and replacements, one more with the one that waited.
 */
export class Counter {
  /** What was told since the caller emptied it. */
  readonly events: CounterEvent[] = [];
  readonly impossible: ImpossibleReading[] = [];
  private readonly rules: CounterRules;
  private readonly replacements: readonly Replacement[];
  private readonly uncertainIsBad: boolean;
  private readonly fromUs: number;
  private readonly readings: OnePerTime;
  private readonly out = new CounterSteps();
  private lastUs = Number.NaN;
  private last = 0;
  private hasGap = false;
  /** Time of the last reading, if it cannot be, µs; NaN: it can. */
  private impossibleUs = Number.NaN;
  private replacement = 0;

  /** `replacements` in order of time; `fromUs`: where the span begins that it is about, µs. */
  constructor(
    rules: CounterRules,
    replacements: readonly Replacement[] = [],
    uncertainIsBad = true,
    fromUs = Number.NEGATIVE_INFINITY,
  ) {
    this.fromUs = fromUs;
    this.rules = rules;
    this.replacements = replacements;
    this.uncertainIsBad = uncertainIsBad;
    this.readings = new OnePerTime(uncertainIsBad);
  }

  /** Without the events that the caller has not taken yet. */
  state(): CounterState {
    const { lastUs, last, hasGap, impossibleUs, replacement } = this;
    return { readings: this.readings.state(), lastUs, last, hasGap, impossibleUs, replacement };
  }

  restore({ readings, ...rest }: CounterState): void {
    this.readings.restore(readings);
    Object.assign(this, rest);
  }

  /** The steps up to now, good until the next call. */
  add(piece: Piece): CounterSteps {
    return this.takeAll(this.readings.add(piece));
  }

  finish(): CounterSteps {
    return this.takeAll(this.readings.finish());
  }

  private takeAll({ count, times, values, qualities }: Piece): CounterSteps {
    this.out.reset();
    const { rollover = Number.POSITIVE_INFINITY } = this.rules;
    for (let i = 0; i < count; i++) {
      const timeUs = times[i] ?? 0;
      const value = values[i] ?? 0;
      const quality = qualities[i] ?? 0;
      if (!counts(value, quality, this.uncertainIsBad)) {
        this.hasGap = true;
        continue;
      }
      const isImpossible = value >= rollover;
      if (isImpossible && this.isFirstOfRow(timeUs)) this.impossible.push({ timeUs, reading: value });
      this.impossibleUs = isImpossible ? timeUs : Number.NaN;
      if (isImpossible) this.hasGap = true;
      else this.take(timeUs, value, quality);
    }
    return this.out;
  }

  /** Of a row of readings that cannot be; in the span it begins anew, whatever was before. */
  private isFirstOfRow(timeUs: number): boolean {
    const { impossibleUs, fromUs } = this;
    return Number.isNaN(impossibleUs) || (impossibleUs < fromUs && timeUs >= fromUs);
  }

  private take(timeUs: number, value: number, quality: number): void {
    const { lastUs, last } = this;
    const replacements = this.replacementsUpTo(timeUs);
    const gap = this.hasGap ? CounterMark.gap : 0;
    if (Number.isNaN(lastUs)) {
      // The first reading counts nothing.
    } else if (replacements.length > 0) this.takeOver(replacements, timeUs, value, quality, gap);
    else if (isPlain(this.rules, value - last, timeUs - lastUs))
      this.out.pushStep(lastUs, timeUs, value - last, quality, gap);
    else {
      const reading = readStep(this.rules, last, value, timeUs - lastUs);
      this.out.pushStep(lastUs, timeUs, reading.amount, quality, markOf(reading) | gap);
      if (reading.kind !== 'count' || reading.ambiguous) this.tell(reading, timeUs, value);
    }
    this.lastUs = timeUs;
    this.last = value;
    this.hasGap = false;
  }

  /** A step over replacements that were entered: one for each device where that makes sense. */
  private takeOver(
    replacements: readonly Replacement[],
    timeUs: number,
    value: number,
    quality: number,
    gap: number,
  ): void {
    const { lastUs, last, out } = this;
    const before = { timeUs: lastUs, value: last };
    const { whole, parts } = readReplacements(this.rules, before, replacements, { timeUs, value });
    this.tell(whole, timeUs, value);
    if (parts.length === 0) return out.pushStep(lastUs, timeUs, whole.amount, quality, markOf(whole) | gap);
    let sinceUs = lastUs;
    let amount = 0;
    let mark = 0;
    for (const [i, part] of parts.entries()) {
      amount += part.amount;
      mark |= markOf(part);
      // A device that was there for no time at all has counted with the one before it.
      if (parts[i + 1]?.timeUs === part.timeUs) continue;
      out.pushStep(sinceUs, part.timeUs, amount, quality, mark | CounterMark.knownReplacement | gap);
      sinceUs = part.timeUs;
      amount = 0;
      mark = 0;
    }
  }

  private tell(reading: Reading, timeUs: number, after: number): void {
    this.events.push({ ...reading, sinceUs: this.lastUs, timeUs, before: this.last, after });
  }

  /** The known replacements since the last reading. */
  private replacementsUpTo(timeUs: number): readonly Replacement[] {
    const first = this.replacement;
    while ((this.replacements[this.replacement]?.timeUs ?? Number.POSITIVE_INFINITY) <= timeUs) this.replacement++;
    return first === this.replacement ? NO_REPLACEMENTS : this.replacements.slice(first, this.replacement);
  }
}

const NO_REPLACEMENTS: readonly Replacement[] = [];
