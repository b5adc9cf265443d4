import { RandomStream, Wander } from './random.ts';
import { stepS } from './time.ts';

/**
 * What the pump set shakes and sounds like: imbalance grows with the square of speed, turbulence with the distance from the best point, bubbles shake at high frequency.
 *
 * Sources: ISO 20816-3 (velocity as measure), J. F. Gülich, "Centrifugal Pumps", chapter 10 (excitation, cavitation noise), ISO 3744 (sound grows with about 50 log n).
 */
export class PumpVibration {
  /** Velocity at the drive end and the other end, root mean square; mm/s. */
  driveEnd = 1.5;
  nonDriveEnd = 1;
  /** Acceleration peaks above 5 kHz; g. */
  peak = 1.2;
  /** Sound pressure beside the pump; dB(A). */
  noise = 72;
  private readonly imbalance: number;
  private readonly beat: Wander;
  private readonly crackle: Wander;
  private readonly background: Wander;

  constructor(seed: number) {
    this.imbalance = new RandomStream(seed, 'vibration').between(1, 1.3);
    this.beat = new Wander(new RandomStream(seed, 'vibration/beat'), 5, stepS);
    this.crackle = new Wander(new RandomStream(seed, 'vibration/crackle'), 0.5, stepS);
    this.background = new Wander(new RandomStream(seed, 'vibration/background'), 20, stepS);
  }

  /** @param speed 1/min @param load shaft power; W @param offBest see Pump @param cavitation 0 to 1 */
  step(speed: number, load: number, offBest: number, cavitation: number): void {
    const ratio = speed / 2900;
    const square = ratio * ratio;
    const turning = this.imbalance * square * (1 + 0.03 * this.beat.step());
    const bubbles = cavitation * (1 + 0.2 * this.crackle.step());
    const hydraulic = 0.5 * square + 1.6 * square * offBest * offBest + 0.00004 * load;
    this.driveEnd = Math.hypot(turning, hydraulic, 2.6 * bubbles);
    this.nonDriveEnd = Math.hypot(0.7 * turning, 0.8 * hydraulic, 1.1 * bubbles);
    this.peak = 0.5 + 0.8 * square + 0.5 * Math.abs(offBest) + 7 * Math.max(0, bubbles);
    const machine = 73 + 50 * Math.log10(ratio) + 0.4 * this.background.step();
    this.noise = machine + 10 * Math.log10(1 + 6 * Math.max(0, bubbles));
  }
}
