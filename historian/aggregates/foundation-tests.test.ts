import { expect, test } from 'vitest';
import { AggregateCalculator } from './calculator.ts';
import { processingIntervals } from './intervals-kit.ts';
import { readTable, type TableCase } from './table-kit.ts';

const cases = readTable('foundation-tests.txt');

/** As the Foundation's own tests compare: one decimal, halves away from zero, without regard to the InfoType. */
function rounded(value: number): number {
  return (Math.sign(value) * Math.round(Math.abs(value) * 10)) / 10;
}

function answerTo({ data, startUs, endUs, lengthUs, aggregate }: TableCase): unknown[] {
  const intervals = processingIntervals(startUs, endUs, lengthUs);
  const { stepped, configuration } = data;
  const calculator = new AggregateCalculator({
    intervals,
    aggregates: [aggregate],
    stepped,
    configuration,
    edition: 'draft',
  });
  calculator.add(data.times, data.values, data.codes);
  calculator.addAnnotations(data.annotations);
  calculator.finish();
  const [column] = calculator.results(0, intervals.edges.length - 1);
  return Array.from(column?.times ?? [], (timeUs, i) => ({
    timeUs,
    value: rounded(column?.values[i] ?? 0),
    code: ((column?.qualities[i] ?? 0) & ~0x0400) >>> 0,
  }));
}

test('the table has all rows of the Foundation', () => {
  expect(cases.length).toBe(175);
  expect(cases.flatMap(({ rows }) => rows).length).toBe(579);
});

test.each(cases)('$name', (row) => {
  expect(answerTo(row)).toEqual(row.rows);
});
