import { RandomStream, Wander } from './random.ts';
import { stepS } from './time.ts';

/** The hall's supply, 400/230 V and 50 Hz, as both machines see it (EN 50160: ±10 % and ±1 %; a strong grid stays far inside). */
export class Mains {
  /** Phase to neutral; V. */
  readonly voltages = new Float64Array([230, 230, 230]);
  /** Hz */
  frequency = 50;
  private readonly level: Wander;
  private readonly balance: Wander;
  private readonly swing: Wander;

  constructor(seed: number) {
    this.level = new Wander(new RandomStream(seed, 'mains/level'), 30, stepS);
    this.balance = new Wander(new RandomStream(seed, 'mains/balance'), 20, stepS);
    this.swing = new Wander(new RandomStream(seed, 'mains/frequency'), 10, stepS);
  }

  /** @param load power that the hall takes; W. It lowers the voltage over the supply's own resistance. */
  step(load: number): void {
    const common = 231.5 + 0.8 * this.level.step() - load * 3e-5;
    const balance = 0.3 * this.balance.step();
    this.voltages[0] = common + balance;
    this.voltages[1] = common - 0.4;
    this.voltages[2] = common + 0.5 - balance;
    this.frequency = 50 + 0.012 * this.swing.step();
  }
}
