import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { AGGREGATE_FUNCTIONS } from './aggregate.ts';
import { AggregateCalculator } from './calculator.ts';
import { processingIntervals } from './intervals-kit.ts';
import { readTable, type TableCase, type TableRow } from './table-kit.ts';

function answerTo({ data, startUs, endUs, lengthUs, aggregate }: TableCase): TableRow[] {
  const intervals = processingIntervals(startUs, endUs, lengthUs);
  const { stepped, configuration } = data;
  const aggregates = [aggregate];
  const calculator = new AggregateCalculator({ intervals, aggregates, stepped, configuration, resolutionUs: 1000 });
  calculator.add(data.times, data.values, data.codes);
  calculator.addAnnotations(data.annotations);
  calculator.finish();
  const [column] = calculator.results(0, intervals.edges.length - 1);
  return Array.from(column?.times ?? [], (timeUs, i) => ({
    timeUs,
    value: column?.values[i] ?? 0,
    code: ((column?.qualities[i] ?? 0) & ~0x0400) >>> 0,
  }));
}

/** The tables have three or four decimals, not always rounded the same way: so much is compared. */
function about({ timeUs, value, code }: TableRow): TableRow {
  return { timeUs, value: Math.round(value * 200) / 200, code };
}

describe('the worked examples of the standard', () => {
  const cases = readTable('examples.txt');

  test('are all that were at hand', () => {
    expect(cases.length).toBe(70);
    expect(cases.flatMap(({ rows }) => rows).length).toBe(643);
  });

  test.each(cases)('$name', (row) => {
    expect(answerTo(row).slice(0, row.rows.length).map(about)).toEqual(row.rows.map(about));
  });
});

describe("the figures of the Foundation's Aggregate Tester", () => {
  const cases = readTable('tester.txt');

  test('are all that the release has left as they were', () => {
    expect(cases.length).toBe(52);
    expect(cases.flatMap(({ rows }) => rows).length).toBe(331);
  });

  test.each(cases)('$name', (row) => {
    const answer = answerTo(row).map(about);
    for (const expected of row.rows) expect(answer).toContainEqual(about(expected));
  });
});

test('the README says of each aggregate of the standard where its expected values are from', () => {
  const tables = { D: 'foundation-tests.txt', E: 'examples.txt', T: 'tester.txt' } as const;
  const known = Object.entries(tables).map(([letter, file]) => {
    return { letter, names: new Set<string>(readTable(file).map(({ aggregate }) => aggregate)) };
  });
  const said = readFileSync(join(import.meta.dirname, 'README.md'), 'utf8')
    .split('\n')
    .filter((line) => /^\| [A-Z]/.test(line) && line.split('|').length === 6)
    .flatMap((line) => {
      const [, names = '', , , from = ''] = line.split('|').map((cell) => cell.trim());
      return names.split(', ').map((name) => [name, from]);
    });
  const expected = AGGREGATE_FUNCTIONS.map((name) => {
    const letters = known.filter(({ names }) => names.has(name)).map(({ letter }) => letter);
    const own = letters.includes('D') ? [] : ['own calculation'];
    return [name, [...own, ...letters]];
  });
  const listed = new Map(said.map(([name = '', from = '']) => [name, from.split(', ')]));
  expect(said).toHaveLength(AGGREGATE_FUNCTIONS.length);
  expect(expected.filter(([name, from]) => String(listed.get(String(name))) !== String(from))).toEqual([]);
});
