import type { BenchResult } from './report.ts';

/** Gathers figures of several runs; the result is their medians, in the order in which they came first. */
export class Figures {
  private readonly bench: string;
  private readonly rows = new Map<
    string,
    { readonly system: string; readonly name: string; readonly unit: string; readonly values: number[] }
  >();

  constructor(bench: string) {
    this.bench = bench;
  }

  /** `name` is dotted and without the name of the bench. */
  note(system: string, name: string, unit: string, value: number): void {
    const key = `${system} ${name}`;
    const row = this.rows.get(key) ?? { system, name: `${this.bench}.${name}`, unit, values: [] };
    this.rows.set(key, row);
    row.values.push(value);
  }

  /** Median and 99th percentile of a run's times: `name` ends with their unit. */
  noteTimes(system: string, name: string, unit: string, times: Float64Array): void {
    const ascending = times.toSorted();
    this.note(system, `${name}_p50`, unit, quantile(ascending, 0.5));
    this.note(system, `${name}_p99`, unit, quantile(ascending, 0.99));
  }

  /** Median of a figure so far; NaN before it was noted. */
  soFar(system: string, name: string): number {
    return median(this.rows.get(`${system} ${name}`)?.values ?? []);
  }

  results(): BenchResult[] {
    return [...this.rows.values()].map(({ system, name, unit, values }) => {
      return { name, system, value: median(values), unit };
    });
  }
}

/** Middle value; of an even number the mean of the two in the middle; NaN of none. */
export function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  const middle = sorted.length >> 1;
  const upper = sorted[middle] ?? Number.NaN;
  return sorted.length % 2 === 1 ? upper : ((sorted[middle - 1] ?? Number.NaN) + upper) / 2;
}

/** The smallest value that at least this share of all do not exceed (nearest rank); NaN of none. */
export function quantile(ascending: Float64Array, share: number): number {
  return ascending[Math.max(0, Math.ceil(ascending.length * share) - 1)] ?? Number.NaN;
}
