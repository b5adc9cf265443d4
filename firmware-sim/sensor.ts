import { RandomStream, Wander } from './random.ts';
import { lagShare } from './time.ts';

/** How an instrument sees what it measures. */
export interface SensorKind {
  /** Standard deviation of its noise. */
  readonly noise: number;
  /** Steps of its output in one unit: 100 = two decimals. */
  readonly resolution: number;
  /** Time constant of its response; s. None: at once. */
  readonly lagS?: number;
  /** How long its noise remembers, at one reading a second; s. None: white. */
  readonly memoryS?: number;
  /** It cannot show more or less than this. */
  readonly range: readonly [number, number];
}

/** An instrument: first-order response, noise (white or autoregressive), quantisation, ends of its range; each with a random stream of its own. */
export class Sensor {
  private readonly kind: SensorKind;
  private readonly noise: Wander;
  private readonly share: number;
  private felt = Number.NaN;

  constructor(seed: number, path: string, kind: SensorKind) {
    this.kind = kind;
    this.noise = new Wander(new RandomStream(seed, `sensor/${path}`), kind.memoryS ?? 0, 1);
    this.share = lagShare(kind.lagS ?? 0);
  }

  /** Whether it lags behind the truth, so that it must follow every step. */
  get slow(): boolean {
    return this.share < 1;
  }

  /** Takes in the truth of one step. */
  follow(truth: number): void {
    this.felt = Number.isNaN(this.felt) ? truth : this.felt + this.share * (truth - this.felt);
  }

  /** What it shows now. */
  read(): number {
    const { noise, range, resolution } = this.kind;
    const shown = Math.round((this.felt + noise * this.noise.step()) * resolution) / resolution;
    return Math.max(range[0], Math.min(range[1], shown));
  }
}
