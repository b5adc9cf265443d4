import type { Hall } from './hall.ts';
import type { Mains } from './mains.ts';
import { PowerMeter } from './power-meter.ts';
import { Press } from './press.ts';
import { PressHeat } from './press-heat.ts';
import { RandomStream, Wander } from './random.ts';
import { lagShare, stepS } from './time.ts';

const auxiliaries = 1400;
const fanPower = 550;
const nominalPower = 22_000;

/** The asset `pressing/press1`: the press, its pump's motor, its heat, what shakes and sounds, its meter. */
export class Pressing {
  readonly press: Press;
  readonly heat: PressHeat;
  readonly meter: PowerMeter;
  /** Root mean square over a second; mm/s. */
  vibration = 1;
  /** dB(A) */
  noise = 74;
  /** Oil in the tank; %. */
  oilLevel = 80;
  private motorPower = 6000;
  private readonly floor: Wander;
  private readonly background: Wander;

  constructor(seed: number) {
    this.press = new Press(seed);
    this.heat = new PressHeat(seed);
    this.meter = new PowerMeter(seed, 'press');
    this.floor = new Wander(new RandomStream(seed, 'press/floor'), 3, stepS);
    this.background = new Wander(new RandomStream(seed, 'press/background'), 20, stepS);
  }

  step(timeS: number, hall: Hall, mains: Mains): void {
    const { press, heat } = this;
    press.step(timeS);
    const load = press.hydraulicPower / 0.86 + 900;
    // The motor's flywheel evens out what the stroke asks for.
    this.motorPower += motorShare * (load / 0.92 - this.motorPower);
    const electric = this.motorPower + auxiliaries + (heat.cooling ? fanPower : 0);
    heat.step(press.hydraulicPower, press.formingPower, electric, hall.temperature);
    this.meter.step(electric, 0.62 + 0.26 * Math.min(1, this.motorPower / nominalPower), mains);
    const pump = 0.7 * (1 + 0.05 * this.floor.step()) + 2e-8 * press.pressure;
    this.vibration += vibrationShare * (Math.hypot(pump, 5 * press.impact) - this.vibration);
    const loud = 10 ** 7.2 + 10 ** 8.3 * press.impact + (heat.cooling ? 10 ** 6.9 : 0);
    this.noise += soundShare * (10 * Math.log10(loud) + 0.4 * this.background.step() - this.noise);
    this.oilLevel = 82 - (100 * 0.05 * press.position) / 0.4 + 0.07 * (heat.oil - 44.5);
  }

  /** Power drawn now; W. */
  get electricPower(): number {
    return this.motorPower + auxiliaries;
  }
}

const motorShare = lagShare(0.35);
const vibrationShare = lagShare(0.5);
const soundShare = lagShare(0.25);
