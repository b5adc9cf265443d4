import type { Mains } from './mains.ts';
import { RandomStream } from './random.ts';
import { lagShare, stepS } from './time.ts';

const joulesPerCount = 36_000;

/** A three-phase meter in front of one machine: I = P / (3 U cos φ) for each phase, a little unequal as in life; energy as a counter of 0.01 kWh. */
export class PowerMeter {
  /** W, smoothed as the meter does over its measuring interval (IEC 61557-12). */
  power = 5000;
  powerFactor = 0.9;
  /** A */
  readonly currents = new Float64Array(3);
  /** Units of 0.01 kWh since it was installed; at 2^32 it begins again at 0. */
  energy: number;
  private readonly shares: Float64Array;
  private joules = 0;

  constructor(seed: number, name: string) {
    const random = new RandomStream(seed, `meter/${name}`);
    const shares = Float64Array.from({ length: 3 }, () => random.between(0.985, 1.015));
    const mean = shares.reduce((sum, share) => sum + share, 0) / 3;
    this.shares = shares.map((share) => share / mean);
    this.energy = Math.floor(random.between(1e6, 9e6));
  }

  step(power: number, powerFactor: number, mains: Mains): void {
    this.power += intervalShare * (power - this.power);
    this.powerFactor += intervalShare * (powerFactor - this.powerFactor);
    for (let phase = 0; phase < 3; phase++) {
      const voltage = mains.voltages[phase] ?? 230;
      this.currents[phase] = ((this.shares[phase] ?? 1) * this.power) / (3 * voltage * this.powerFactor);
    }
    this.joules += power * stepS;
    if (this.joules < joulesPerCount) return;
    this.joules -= joulesPerCount;
    this.energy = (this.energy + 1) % 4_294_967_296;
  }
}

const intervalShare = lagShare(0.4);
