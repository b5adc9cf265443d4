import { barPerMetre, heatPerVolume } from './water.ts';
import { stepS } from './time.ts';

const area = 0.8;
const height = 1.5;
/** Water that the loop's seals and vents lose, and what the make-up valve adds while it is open; m³/s. */
const leak = 0.13 / 3600;
const makeUpFlow = 0.55 / 3600;
const makeUpTemperature = 16;
/** The make-up valve opens and closes at these levels; share of the height. */
const fillFrom = 0.62;
const fillTo = 0.638;
/** Heat through the tank's wall; W/K. */
const wall = 40;

/** The sump below the pump: mass balance of leak and make-up, mixed heat balance. */
export class Tank {
  /** Water in it; m³. */
  volume = 0.63 * area * height;
  /** °C */
  temperature = 28.5;
  private filling = false;

  /** @param flow through the loop; m³/s @param returning temperature of the water coming back; °C @param air °C */
  step(flow: number, returning: number, air: number): void {
    const level = this.level;
    if (level < fillFrom) this.filling = true;
    if (level > fillTo) this.filling = false;
    const added = this.filling ? makeUpFlow : 0;
    const heat =
      flow * (returning - this.temperature) +
      added * (makeUpTemperature - this.temperature) +
      (wall / heatPerVolume) * (air - this.temperature);
    this.temperature += (stepS * heat) / this.volume;
    this.volume += stepS * (added - leak);
  }

  /** Share of the height. */
  get level(): number {
    return this.volume / (area * height);
  }

  /** Pressure of the water above the tank's floor; bar. */
  get pressure(): number {
    return this.level * height * barPerMetre;
  }

  /** How far the return pipe's mouth is above the water; m. */
  get lift(): number {
    return 0.5 + height * (1 - this.level);
  }
}
