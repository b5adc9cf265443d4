import { RandomStream, Wander } from './random.ts';
import { hourS, lagShare, stepS } from './time.ts';

/** Each part of the cooling programme lasts this long: five parts make 12 min, five rounds make an hour; s. */
const partS = hourS / 25;
/** Share of the nominal heat in each part. */
const parts = [0.8, 1, 0.88, 1.12, 0.94];
/** Seven slow swings an hour in the load, eight in the valve: over an hour they meet the programme at every phase, then it begins again. */
const loadSwingS = hourS / 7;
const valveSwingS = hourS / 8;

const nominalHeat = 300_000;

/** What the cooled machines ask of the loop, and what the loop's PLC orders for it. Repeats every hour but for its random part. */
export class Demand {
  /** Heat given to the water; W. */
  heat = nominalHeat;
  /** Ordered speed of the pump; 1/min. */
  speedSetpoint = 2600;
  /** Ordered opening of the control valve; share of full. */
  valveSetpoint = 0.7;
  private readonly levels: Float64Array;
  private readonly loadPhase: number;
  private readonly valvePhase: number;
  private readonly restless: Wander;
  private level = 1;

  constructor(seed: number) {
    const random = new RandomStream(seed, 'demand');
    const first = Math.floor(random.between(0, parts.length));
    this.levels = Float64Array.from(
      parts,
      (_, at) => (parts[(at + first) % parts.length] ?? 1) + random.between(-0.015, 0.015),
    );
    this.loadPhase = random.uniform();
    this.valvePhase = random.uniform();
    this.restless = new Wander(new RandomStream(seed, 'demand/restless'), 40, stepS);
  }

  step(timeS: number): void {
    const ordered = this.levels[Math.floor(timeS / partS) % parts.length] ?? 1;
    const swing = Math.sin(2 * Math.PI * (timeS / loadSwingS + this.loadPhase));
    // The machines' own mass smooths their heat.
    this.level += heatShare * (ordered - this.level);
    this.heat = nominalHeat * (this.level + 0.04 * swing + 0.012 * this.restless.step());
    this.speedSetpoint = Math.round(2480 + 1000 * (ordered - 0.8) + 20 * swing);
    const valveSwing = Math.sin(2 * Math.PI * (timeS / valveSwingS + this.valvePhase));
    this.valveSetpoint = 0.7 + 0.05 * valveSwing + 0.1 * (ordered - 0.95);
  }
}

const heatShare = lagShare(15);
