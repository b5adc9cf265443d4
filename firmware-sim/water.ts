/** Gravity; m/s². */
export const gravity = 9.81;

/** Density of water near 25 °C; kg/m³. */
export const density = 997;

/** Specific heat of water near 25 °C; J/(kg K). */
const specificHeat = 4180;

/** Air pressure in the hall; bar absolute. */
export const airPressure = 1.013;

/** Pressure of one metre of water column; bar. */
export const barPerMetre = (density * gravity) / 1e5;

/** Heat that a cubic metre of water takes per kelvin; J/(m³ K). */
export const heatPerVolume = density * specificHeat;

/** Vapour pressure of water (Magnus form of O. A. Alduchov and R. E. Eskridge, J. Applied Meteorology 35, 1996); °C to bar absolute. */
export function vapourPressure(temperature: number): number {
  return 0.0061094 * Math.exp((17.625 * temperature) / (temperature + 243.04));
}
