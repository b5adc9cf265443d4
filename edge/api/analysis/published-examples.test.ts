import { afterAll, beforeAll, expect, test } from 'vitest';
import { AGGREGATE_FUNCTIONS } from '../../../historian/aggregates/aggregate.ts';
import { AggregateCalculator } from '../../../historian/aggregates/calculator.ts';
import { processingIntervals } from '../../../historian/aggregates/intervals-kit.ts';
import { readTable, type TableCase } from '../../../historian/aggregates/table-kit.ts';
import type { Tagged } from '../../../historian/kit/history-kit.ts';
import { AT_OWN_TIME } from '../../../historian/questions/aggregates.ts';
import { waitFor } from '../../../test/services/wait.ts';
import { ValueKind } from '../../core/sample.ts';
import { formatTime } from '../time-text.ts';
import { HistorianServer } from './historian-kit.ts';
import { tableShape } from './shapes.ts';

/* The example historians of OPC UA Part 13 over HTTP: every aggregate, with its StatusCode, as the calculator gives it that is compared with the published figures. */

const examples = [...new Map(readTable('examples.txt').map(({ name, data }) => [name.split(' ')[2] ?? '', data]))];
/** A whole number of intervals of 5 s and of 16 s behind the epoch. */
const BASE_US = Math.ceil(Date.parse('2026-03-01T12:00:00Z') / 80_000) * 80_000_000;
let server: HistorianServer;

type Data = TableCase['data'];

function samplesOf(tag: string, { times, values, codes }: Data): Tagged[] {
  return Array.from(times, (timeUs, i) => {
    const value = values[i] ?? Number.NaN;
    const content = Number.isNaN(value) ? { kind: ValueKind.null, value: null } : { kind: ValueKind.double, value };
    return {
      tag,
      sample: { timeUs: BASE_US + timeUs, ...content, quality: codes[i] ?? 0, flags: 0, serverTimeUs: null },
    };
  });
}

beforeAll(async () => {
  server = await HistorianServer.with(
    examples.flatMap(([name, data]) => samplesOf(`plant/${name}`, data)),
    waitFor,
  );
});

afterAll(() => server[Symbol.asyncDispose]());

/** Value, StatusCode and own time of all aggregates, interval by interval. */
function calculated(
  { times, values, codes, stepped, configuration }: Data,
  seconds: number,
  endS: number,
): unknown[][] {
  const intervals = processingIntervals(BASE_US, BASE_US + endS * 1e6, seconds * 1e6);
  const calculator = new AggregateCalculator({ intervals, aggregates: AGGREGATE_FUNCTIONS, stepped, configuration });
  calculator.add(
    times.map((timeUs) => BASE_US + timeUs),
    values,
    codes,
  );
  calculator.finish();
  const columns = calculator.results(0, intervals.edges.length - 1);
  return Array.from({ length: intervals.edges.length - 1 }, (_, row) => [
    formatTime(intervals.edges[row] ?? 0),
    ...columns.flatMap((column, i) => {
      const name = AGGREGATE_FUNCTIONS[i] ?? '';
      const value = column.values[row] ?? Number.NaN;
      const quality = column.qualities[row] ?? 0;
      const isNothing = (quality & 0xffff0000) >>> 0 === 0x809b0000;
      const own = AT_OWN_TIME.has(name) ? [isNothing ? null : formatTime(column.times[row] ?? 0)] : [];
      return [Number.isNaN(value) ? null : value, quality, ...own];
    }),
  ]);
}

test('there are all five historians', () => {
  expect(examples.map(([name]) => name)).toEqual([1, 2, 3, 5, 4].map((number) => `Historian${number}`));
});

test.each(examples.flatMap(([name, data]) => [5, 16].map((seconds) => ({ name, data, seconds }))))(
  '$name in intervals of $seconds s',
  async ({ name, data, seconds }) => {
    const endS = seconds === 5 ? 100 : 96;
    const { treatUncertainAsBad, percentDataBad, percentDataGood, useSlopedExtrapolation } = data.configuration;
    const query = new URLSearchParams({
      tag: `plant/${name}`,
      from: formatTime(BASE_US),
      to: formatTime(BASE_US + endS * 1e6),
      interval: `${seconds}s`,
      aggregate: AGGREGATE_FUNCTIONS.join(','),
      stepped: String(data.stepped),
      treatUncertainAsBad: String(treatUncertainAsBad),
      percentDataBad: String(percentDataBad),
      percentDataGood: String(percentDataGood),
      useSlopedExtrapolation: String(useSlopedExtrapolation),
    });
    const { items } = tableShape.parse(await server.json(`/api/v1/history?${query.toString()}`));
    expect(items[0]?.columns.slice(0, 3)).toEqual(['time', 'Interpolative', 'Interpolative_quality']);
    expect(items[0]?.rows).toEqual(calculated(data, seconds, endS));
  },
);
