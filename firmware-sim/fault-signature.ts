import type { FaultName } from './faults.ts';
import { createPlant, type Plant } from './plant.ts';

/** How strongly a fault shows in one signal. */
export interface Deviation {
  readonly path: string;
  /** Mean distance from the same plant without the fault, in standard deviations of the signal's normal noise. */
  readonly score: number;
  /** The same distance in the signal's unit, with its sign. */
  readonly shift: number;
}

const halfWindow = 15;

/**
 * Compares a plant with its twin that has no fault: same seed, same moment, same noise.
 *
 * @param beginS when the fault begins, s after the plant's beginning
 * @param window what is compared, s after the fault's beginning
 * @param endS when it is ended, s after its beginning; never when left out
 * @returns all signals of all assets, the most deviating first
 */
export function faultSignature(
  seed: number,
  name: FaultName,
  beginS: number,
  window: readonly [number, number],
  endS = Infinity,
): Deviation[] {
  const quiet = createPlant(seed);
  const faulty = createPlant(seed);
  const shifts = new Float64Array(quiet.signals.length);
  const distances = new Float64Array(quiet.signals.length);
  faulty.advanceTo(beginS * 1e6);
  faulty.beginFault(name);
  if (endS < Infinity) {
    faulty.advanceTo((beginS + endS) * 1e6);
    faulty.endFault(name);
  }
  for (let second = beginS + window[0]; second <= beginS + window[1]; second++) {
    const normal = valuesAt(quiet, second);
    const other = valuesAt(faulty, second);
    for (let place = 0; place < shifts.length; place++) {
      const shift = (other[place] ?? 0) - (normal[place] ?? 0);
      shifts[place] = (shifts[place] ?? 0) + shift;
      distances[place] = (distances[place] ?? 0) + Math.abs(shift);
    }
  }
  const noise = normalNoise(seed);
  const count = window[1] - window[0] + 1;
  const deviations = quiet.signals.map(({ path }, place) => ({
    path,
    score: (distances[place] ?? 0) / count / (noise[place] ?? 1),
    shift: (shifts[place] ?? 0) / count,
  }));
  return deviations.toSorted((one, other) => other.score - one.score);
}

const known = new Map<number, Float64Array>();

/**
 * Standard deviation of each signal around its mean of half a minute, over a quiet half hour: 1.4826 times the median of the distances, so that the programme's steps
 * do not count as noise; at least half a step of its resolution or what its counter moves.
 */
function normalNoise(seed: number): Float64Array {
  const before = known.get(seed);
  if (before !== undefined) return before;
  const plant = createPlant(seed);
  const rows = Array.from({ length: 1800 }, (_, second) => valuesAt(plant, second + 1).slice());
  const noise = Float64Array.from(plant.signals, (_, place) => {
    const values = rows.map((row) => row[place] ?? Number.NaN);
    const distances = values.slice(halfWindow, -halfWindow).map((value, middle) => {
      const around = values.slice(middle, middle + 2 * halfWindow + 1);
      return Math.abs(value - around.reduce((sum, near) => sum + near, 0) / around.length);
    });
    return Math.max(1e-3, 1.4826 * (distances.toSorted((one, other) => one - other)[distances.length >> 1] ?? 0));
  });
  known.clear();
  known.set(seed, noise);
  return noise;
}

function valuesAt(plant: Plant, second: number): Float64Array {
  plant.advanceTo(second * 1e6);
  return plant.readings().values;
}
