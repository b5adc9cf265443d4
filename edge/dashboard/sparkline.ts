/* The small line beside a value. Pure. */

export const SPARK_WIDTH = 64;
export const SPARK_HEIGHT = 16;
/** Noise that is small beside the value stays small: the line spans at least this part of it. */
const LEAST_SPAN = 0.01;

/** A path through the readings, oldest first, from left to right; empty for fewer than two. */
export function sparkPath(values: readonly number[]): string {
  if (values.length < 2) return '';
  let low = Infinity;
  let high = -Infinity;
  for (const value of values) {
    low = Math.min(low, value);
    high = Math.max(high, value);
  }
  const middle = (low + high) / 2;
  const span = Math.max(high - low, Math.abs(middle) * LEAST_SPAN, Number.MIN_VALUE);
  const step = SPARK_WIDTH / (values.length - 1);
  const room = SPARK_HEIGHT - 4;
  return values
    .map((value, at) => {
      const y = SPARK_HEIGHT / 2 - ((value - middle) / span) * room;
      return `${at === 0 ? 'M' : 'L'}${(at * step).toFixed(1)} ${y.toFixed(1)}`;
    })
    .join('');
}
