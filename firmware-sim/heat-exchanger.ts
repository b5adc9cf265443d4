import { heatPerVolume } from './water.ts';
import { stepS } from './time.ts';

/** Conductance at nominal flows; W/K. */
const nominalConductance = 62_000;
const nominalFlow = 55 / 3600;
/** Largest flow of the cold side; m³/s. */
const coldFlow = 80 / 3600;
/** Water in the plates and the pipe behind them; m³. */
const content = 0.06;
const setpoint = 24;
const gain = 0.15;
const resetS = 7;

/**
 * A plate heat exchanger in counterflow: effectiveness from the number of transfer units, conductance with the 0.8th power of each flow; its own controller holds the
 * supply temperature with the cold side's valve.
 *
 * Sources: VDI Heat Atlas, section C1 (ε-NTU, counterflow); F. W. Dittus and L. M. K. Boelter, 1930 (exponent 0.8).
 */
export class HeatExchanger {
  /** Temperature behind it; °C. */
  supply = setpoint;
  /** Heat that it takes from the loop; W. */
  heat = 300_000;
  private integral = 0.5;
  private cold = 0.5;

  /** @param flow m³/s @param entering °C @param coldEntering of the cold side; °C */
  step(flow: number, entering: number, coldEntering: number): void {
    const hot = Math.max(flow, 1e-4);
    this.control();
    const cold = coldFlow * this.cold;
    const films = 0.5 * (nominalFlow / hot) ** 0.8 + 0.5 * (nominalFlow / cold) ** 0.8;
    const least = heatPerVolume * Math.min(hot, cold);
    const ratio = Math.min(hot, cold) / Math.max(hot, cold);
    const units = nominalConductance / films / least;
    this.heat = effectiveness(units, ratio) * least * (entering - coldEntering);
    const leaving = entering - this.heat / (heatPerVolume * hot);
    this.supply += Math.min(1, (stepS * hot) / content) * (leaving - this.supply);
  }

  /** A proportional-integral controller that stops integrating at its ends. */
  private control(): void {
    const error = this.supply - setpoint;
    const wanted = this.integral + gain * error;
    this.cold = Math.max(0.08, Math.min(1, wanted));
    if (wanted === this.cold) this.integral += (gain * error * stepS) / resetS;
  }
}

/** Of a counterflow exchanger. The formula has no value at equal flows: there it is N/(1+N). */
export function effectiveness(units: number, ratio: number): number {
  if (ratio > 0.9999) return units / (1 + units);
  const fading = Math.exp(-units * (1 - ratio));
  return (1 - fading) / (1 - ratio * fading);
}
