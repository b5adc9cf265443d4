import type { Random } from '../../../models/random.ts';

/** OPC UA BadSensorFailure, in the runs of bad samples. */
export const BAD = 0x808c_0000;

/** What one tag measures. */
interface Signal {
  /** Set by `step`. */
  readonly value: number;
  /** OPC UA StatusCode, set by `step`. */
  readonly quality: number;
  /** Goes on to the next period; false: there is nothing to report. */
  step(): boolean;
}

/** Made of its own stream of random numbers, so that a tag is the same in every set that has it. */
export type MakeSignal = (random: Random) => Signal;

/** Toggles every so many periods, from a phase of its own on. */
export function digital(periods: number): MakeSignal {
  return (random) => new Digital(random.below(periods), periods, random.below(2));
}

class Digital implements Signal {
  readonly quality = 0;
  value: number;
  private phase: number;
  private readonly periods: number;

  constructor(phase: number, periods: number, value: number) {
    this.phase = phase;
    this.periods = periods;
    this.value = value;
  }

  step(): boolean {
    if (++this.phase > this.periods) {
      this.phase = 1;
      this.value = 1 - this.value;
    }
    return true;
  }
}

/** A walk in hundredths whose steps have a standard deviation of 0.04: what a transmitter with two decimals sends of something slow. */
export const twoDecimals: MakeSignal = (random) => new Walk(random);

const STEP_SD = 0.04;

class Walk implements Signal {
  readonly quality = 0;
  value = 0;
  private hundredths: number;
  private readonly random: Random;

  constructor(random: Random) {
    this.random = random;
    this.hundredths = 2000 + random.below(6000);
  }

  step(): boolean {
    this.hundredths += Math.round(this.random.gauss() * STEP_SD * 100);
    // The nearest double to the decimal number, as JSON or a device gives it.
    this.value = this.hundredths / 100;
    return true;
  }
}

/** White noise around 50 with a standard deviation of 1.25, in all bits of a double: 6.17 bytes of entropy, 6.84 with the time's. */
export const noisy: MakeSignal = (random) => new Noise(random);

class Noise implements Signal {
  readonly quality = 0;
  value = 0;
  private readonly random: Random;

  constructor(random: Random) {
    this.random = random;
  }

  step(): boolean {
    this.value = 50 + this.random.gauss() * 1.25;
    return true;
  }
}

/** Share of bad samples, and how long a run of them is in the mean. */
const BAD_SHARE = 0.01;
const BAD_RUN = 20;

/** A float32 out of a PLC, a slow swing with noise; a hundredth of its samples is bad, in runs of 20 in the mean, and keeps the last value. */
export const float32: MakeSignal = (random) => new Float32(random);

class Float32 implements Signal {
  value = 0;
  quality = 0;
  private phase: number;
  private level: number;
  private readonly random: Random;

  constructor(random: Random) {
    this.random = random;
    this.phase = random.uniform();
    this.level = 10 + random.uniform() * 90;
  }

  step(): boolean {
    const { random } = this;
    // Leaving a run every 20 samples in the mean, and entering one so seldom that its share is kept.
    const turn = this.quality === 0 ? BAD_SHARE / (1 - BAD_SHARE) / BAD_RUN : 1 / BAD_RUN;
    if (random.uniform() < turn) this.quality = this.quality === 0 ? BAD : 0;
    this.phase += 1 / 3600;
    this.level += random.gauss() * 0.01;
    // A triangle of an hour: no function whose last bit a machine may choose.
    const swing = Math.abs((this.phase % 1) - 0.5) * 8;
    if (this.quality === 0) this.value = Math.fround(this.level + swing + random.gauss() * 0.1);
    return true;
  }
}

/** The walk, reported only when it has moved by more than the deadband since its last report. */
export const byException: MakeSignal = (random) => new ByException(random);

const DEADBAND_HUNDREDTHS = 10;

class ByException implements Signal {
  readonly quality = 0;
  value = 0;
  private hundredths: number;
  private reported: number;
  private readonly random: Random;

  constructor(random: Random) {
    this.random = random;
    this.hundredths = 2000 + random.below(6000);
    // The first one is always reported.
    this.reported = Number.NEGATIVE_INFINITY;
  }

  step(): boolean {
    this.hundredths += Math.round(this.random.gauss() * STEP_SD * 100);
    if (Math.abs(this.hundredths - this.reported) <= DEADBAND_HUNDREDTHS) return false;
    this.reported = this.hundredths;
    this.value = this.hundredths / 100;
    return true;
  }
}
