import { readFileSync } from 'node:fs';

/** Prints what a test measured, so that the output of a run shows it. */
export function figure(what: string, value: string | number): void {
  const text = typeof value === 'number' ? value.toLocaleString('en', { maximumFractionDigits: 1 }) : value;
  process.stdout.write(`figure: ${what}: ${text}\n`);
}

export function sum(numbers: readonly number[]): number {
  return numbers.reduce((before, number) => before + number, 0);
}

/** The value below which the share (0 to 1) of the numbers lies; 0 of none. */
export function quantile(numbers: readonly number[], share: number): number {
  const sorted = Float64Array.from(numbers).toSorted();
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? 0;
}

/** Resident memory of a process in MB: now, and the most that it ever had. Undefined where the system has no `/proc`. */
export function memoryOf(pid: number): { readonly nowMb: number; readonly peakMb: number } | undefined {
  if (process.platform !== 'linux') return undefined;
  const status = readFileSync(`/proc/${pid}/status`, 'utf8');
  const kilobytes = (name: string): number => Number(new RegExp(`^${name}:\\s+(\\d+) kB`, 'm').exec(status)?.[1]);
  return { nowMb: kilobytes('VmRSS') / 1000, peakMb: kilobytes('VmHWM') / 1000 };
}
