import type { BenchReport, BenchResult } from '../bench/report.ts';
import { table } from './output.ts';

const COLUMNS = 120;

/** A report for people: what was measured on what, what each system promises, and a line a figure with the systems side by side. */
export function benchText({ machine, systems, conditions, results }: BenchReport): string {
  const { cpu, cores, memoryGiB, os, node } = machine;
  return [
    `${cpu}, ${cores} cores, ${memoryGiB} GiB, ${os}, Node ${node}\n`,
    conditions.map((condition) => `${wrapped(condition)}\n`).join(''),
    table(
      ['system', 'when it acknowledges'],
      systems.map(({ system, promises }) => [system, promises]),
    ),
    figuresTable(
      systems.map(({ system }) => system).filter((system) => results.some((result) => result.system === system)),
      results,
    ),
  ].join('\n');
}

/** Breaks a text between words. */
function wrapped(text: string): string {
  let column = 0;
  const parts = text.split(' ').map((word) => {
    const breaks = column + 1 + word.length > COLUMNS;
    const before = column === 0 ? '' : breaks ? '\n' : ' ';
    column = breaks || column === 0 ? word.length : column + 1 + word.length;
    return before + word;
  });
  return parts.join('');
}

/** A line a figure, in the order in which they came; a system that was not measured in it leaves its place empty. */
function figuresTable(systems: readonly string[], results: readonly BenchResult[]): string {
  const names = [...new Set(results.map(({ name }) => name))];
  const cells = new Map(results.map(({ system, name, value }) => [`${system} ${name}`, figure(value)]));
  const widths = systems.map((system) =>
    Math.max(...names.map((name) => cells.get(`${system} ${name}`)?.length ?? 0), system.length),
  );
  const rows = names.map((name) => {
    const unit = results.find((result) => result.name === name)?.unit ?? '';
    const values = systems.map((system, i) => (cells.get(`${system} ${name}`) ?? '').padStart(widths[i] ?? 0));
    return [name, ...values, unit];
  });
  const header = systems.map((system, i) => system.padStart(widths[i] ?? 0));
  return table(['figure', ...header, 'unit'], rows);
}

/** Four digits, as people write them: `48,050`, `0.7731`. */
export function figure(value: number): string {
  return Number(value.toPrecision(4)).toLocaleString('en', { maximumFractionDigits: 6 });
}
