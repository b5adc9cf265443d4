import type { Rows } from './history.ts';
import type { Features } from './model.ts';

/** Inputs beyond so many scales say no more than that the value is far away. */
const clip = 12;
/** Blocks that a window is averaged into: noise goes down with the root of the rows in one, and so do the network's inputs. */
const wantedBlocks = 8;
const tailBlocks = 2;
/** Of a normal distribution the 5th and the 95th percentile are so many standard deviations apart. */
const middleSpan = 3.2897;
/** A signal that stood still has no scale of its own: this share of its value, or of 1. */
const stillShare = 1e-3;

/** Blocks of a window. */
function blocksOf(window: number, features: Features): number {
  return window / features.block;
}

/** Inputs of the network, one behind the other: block by block, in each the signals. */
export function inputsOf(window: number, features: Features): number {
  return blocksOf(window, features) * features.mean.length;
}

/**
 * Learns mean and scale of each signal: the span of its middle 90 %, so that a few wild values do not count, and at least one step of its quantisation, so that a
 * signal which hardly moves does not cry at each step.
 */
export function learnFeatures(rows: Rows, window: number): Features {
  const mean: number[] = [];
  const scale: number[] = [];
  for (let column = 0; column < rows.columns; column++) {
    const values = columnOf(rows, column).toSorted();
    let sum = 0;
    for (const value of values) sum += value;
    const middle = values.length === 0 ? 0 : sum / values.length;
    const span = (at(values, 0.95) - at(values, 0.05)) / middleSpan;
    mean.push(middle);
    scale.push(Math.max(span, stepOf(values) || stillShare * Math.max(Math.abs(middle), 1)));
  }
  return { mean, scale, block: blockRows(window), tail: Math.min(tailBlocks, window / blockRows(window)) };
}

/** Averages the rows of a window by block and brings them to scales, not clipped. */
export function blocksInto(into: Float32Array, window: Float64Array, { mean, scale, block }: Features): void {
  const columns = mean.length;
  for (let column = 0; column < columns; column++) {
    const middle = mean[column] ?? 0;
    const unit = (scale[column] ?? 1) * block;
    for (let first = column, to = column; first < window.length; first += block * columns, to += columns) {
      let sum = 0;
      for (let row = 0; row < block; row++) sum += (window[first + row * columns] ?? 0) - middle;
      into[to] = sum / unit;
    }
  }
}

/** What the network gets. */
export function clipInputs(values: Float32Array): void {
  for (let nr = 0; nr < values.length; nr++) values[nr] = Math.max(-clip, Math.min(clip, values[nr] ?? 0));
}

/** The mean of a signal over the last blocks, in scales. */
export function tailMean(inputs: Float32Array, column: number, { mean, tail }: Features, end = inputs.length): number {
  const columns = mean.length;
  let sum = 0;
  for (let block = 1; block <= tail; block++) sum += inputs[end - block * columns + column] ?? 0;
  return sum / tail;
}

/** The largest divisor of the window that leaves the wanted number of blocks, or more. */
function blockRows(window: number): number {
  for (let rows = Math.max(1, Math.floor(window / wantedBlocks)); rows > 1; rows--)
    if (window % rows === 0) return rows;
  return 1;
}

function columnOf(rows: Rows, column: number): Float64Array {
  const values = new Float64Array(rows.count);
  let count = 0;
  for (let nr = 0; nr < rows.count; nr++) {
    const value = rows.at(nr)[column] ?? Number.NaN;
    if (!Number.isNaN(value)) values[count++] = value;
  }
  return values.subarray(0, count);
}

function at(sorted: Float64Array, share: number): number {
  return sorted[Math.floor(share * (sorted.length - 1))] ?? 0;
}

/** The median distance between neighbouring different values, which for a quantised signal is its step; 0 for a signal that stood still. */
function stepOf(sorted: Float64Array): number {
  const steps: number[] = [];
  for (let nr = 1; nr < sorted.length; nr++) {
    const step = (sorted[nr] ?? 0) - (sorted[nr - 1] ?? 0);
    if (step > 0) steps.push(step);
  }
  return Float64Array.from(steps).toSorted()[steps.length >> 1] ?? 0;
}
