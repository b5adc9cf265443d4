import { RandomStream, Wander } from './random.ts';
import { hourS, stepS } from './time.ts';
import { vapourPressure } from './water.ts';

const mean = 22;
const daySwing = 0.3;
const ventilationSwing = 1.2;
/** The ventilation goes round six times an hour. */
const ventilationS = hourS / 6;
const dayS = 24 * hourS;

/** The air of the hall around both machines: a mild swing over the day, the ventilation's cycle, draughts, and the water in it. */
export class Hall {
  /** °C */
  temperature = mean;
  /** Relative; %. */
  humidity = 45;
  private readonly dayPhase: number;
  private readonly ventilationPhase: number;
  private readonly draught: Wander;
  private readonly vapour: Wander;

  constructor(seed: number) {
    const random = new RandomStream(seed, 'hall');
    this.dayPhase = random.uniform();
    this.ventilationPhase = random.uniform();
    this.draught = new Wander(new RandomStream(seed, 'hall/draught'), 60, stepS);
    this.vapour = new Wander(new RandomStream(seed, 'hall/vapour'), 60, stepS);
  }

  step(timeS: number): void {
    const day = Math.sin(2 * Math.PI * (timeS / dayS + this.dayPhase));
    const ventilation = Math.sin(2 * Math.PI * (timeS / ventilationS + this.ventilationPhase));
    this.temperature = mean + daySwing * day + ventilationSwing * ventilation + 0.1 * this.draught.step();
    // 12 mbar of water vapour, a little more or less as doors open.
    this.humidity = (100 * (0.012 + 0.0003 * this.vapour.step())) / vapourPressure(this.temperature);
  }
}
