import { isGood } from '../core/status-code.ts';

/** A limit alarm's condition, in the unit of its tag. */
export interface LimitOptions {
  readonly high?: number | undefined;
  readonly low?: number | undefined;
  /** So far back inside the limit the value must come before the condition ends. */
  readonly deadband: number;
  /** So long the value must stay beyond the limit before the condition stands, µs. */
  readonly onDelayUs: number;
}

/** Which limit is broken. */
type Side = 'high' | 'low';

/** What a condition remembers while the value is beyond a limit; times in µs. */
export interface LimitState {
  readonly side: Side;
  readonly sinceUs: number;
  readonly arrivalUs: number;
  readonly limit: number;
  readonly value: number;
  readonly stands: boolean;
}

/** Whether a value is beyond a limit, with deadband and on-delay. Values that are not Good change nothing, except that a delay that runs begins anew. */
export class LimitCondition {
  private readonly options: LimitOptions;
  private beyond: Side | undefined;
  private beyondUs = 0;
  private beyondArrivalUs = 0;
  /** The condition stands. */
  stands = false;
  /** Time of the value that went beyond the limit, µs. */
  get sinceUs(): number {
    return this.beyondUs;
  }
  /** The limit that is broken, or was broken last. */
  limit = Number.NaN;
  /** The last value beyond it. */
  value = Number.NaN;

  constructor(options: LimitOptions) {
    this.options = options;
  }

  /** Undefined: the value is inside. */
  get state(): LimitState | undefined {
    const { beyond, beyondUs, beyondArrivalUs, limit, value, stands } = this;
    if (beyond === undefined) return undefined;
    return { side: beyond, sinceUs: beyondUs, arrivalUs: beyondArrivalUs, limit, value, stands };
  }

  /** Goes on where another one was. */
  restore({ side, sinceUs, arrivalUs, limit, value, stands }: LimitState): void {
    this.beyond = side;
    this.beyondUs = sinceUs;
    this.beyondArrivalUs = arrivalUs;
    this.limit = limit;
    this.value = value;
    this.stands = stands;
  }

  /** Stands no more, whatever the value was. */
  end(): void {
    this.beyond = undefined;
    this.stands = false;
  }

  /** Stands, as an earlier run left it. */
  resume(sinceUs: number, limit: number, value: number): void {
    this.beyond = value > limit ? 'high' : 'low';
    this.beyondUs = sinceUs;
    this.limit = limit;
    this.value = value;
    this.stands = true;
  }

  /** Takes the next value in: its effective time, and when it arrived, µs. */
  sample(timeUs: number, arrivalUs: number, value: number | null, quality: number): void {
    if (value === null || !isGood(quality)) {
      if (!this.stands) this.beyond = undefined;
      return;
    }
    const side = this.sideOf(value);
    if (side === undefined) {
      this.beyond = undefined;
      this.stands = false;
      return;
    }
    if (side !== this.beyond) {
      this.beyond = side;
      this.beyondUs = timeUs;
      this.beyondArrivalUs = arrivalUs;
      this.limit = (side === 'high' ? this.options.high : this.options.low) ?? Number.NaN;
    }
    if (side === 'high' ? value > this.limit : value < this.limit) this.value = value;
    if (timeUs - this.beyondUs >= this.options.onDelayUs) this.stands = true;
  }

  /** Time goes by: a source that reports only changes sends nothing while its value stays beyond the limit. */
  tick(nowUs: number): void {
    if (this.beyond !== undefined && nowUs - this.beyondArrivalUs >= this.options.onDelayUs) this.stands = true;
  }

  /** Undefined: inside the limits. The deadband counts only while the condition stands. */
  private sideOf(value: number): Side | undefined {
    const { high = Number.POSITIVE_INFINITY, low = Number.NEGATIVE_INFINITY, deadband } = this.options;
    if (value > high) return 'high';
    if (value < low) return 'low';
    if (!this.stands) return undefined;
    if (this.beyond === 'high' && value > high - deadband) return 'high';
    if (this.beyond === 'low' && value < low + deadband) return 'low';
    return undefined;
  }
}
