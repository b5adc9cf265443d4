const SECOND = 1_000_000;
const MINUTE = 60 * SECOND;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;

/** 1, 2 and 5 times each power of ten from one number to another. */
function decades(from: number, to: number): number[] {
  const found: number[] = [];
  for (let power = from; power <= to; power *= 10)
    for (const factor of [1, 2, 5]) if (factor * power <= to) found.push(factor * power);
  return found;
}

const times = (unit: number, factors: readonly number[]): number[] => factors.map((factor) => factor * unit);

/** Widths of the buckets of a chart, µs, ascending: what divides a second, a minute, an hour and a day, then days. All of them are counted from the epoch in UTC. */
export const CHART_WIDTHS_US: readonly number[] = [
  ...decades(1, SECOND / 2),
  ...times(SECOND, [1, 2, 3, 5, 10, 15, 20, 30]),
  ...times(MINUTE, [1, 2, 3, 5, 10, 15, 20, 30, 45]),
  ...times(HOUR, [1, 1.5, 2, 3, 4, 6, 8, 12]),
  ...times(DAY, [1, 2, 5, 7, 10, 14, 20, 30, 50, 100]),
  ...decades(200 * DAY, 200_000 * DAY),
];

/** Instants at whose multiples blocks end, µs, the roundest first. */
export const ROUND_US: readonly number[] = [
  ...times(DAY, [7, 1]),
  ...times(HOUR, [12, 6, 3, 2, 1]),
  ...times(MINUTE, [30, 15, 5, 1]),
  ...times(SECOND, [30, 15, 5, 1]),
  ...times(1000, [500, 100, 50, 10, 5, 1]),
];
