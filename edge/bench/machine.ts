import os from 'node:os';

/** The machine that figures belong to. */
export interface Machine {
  readonly cpu: string;
  readonly cores: number;
  readonly memoryGiB: number;
  readonly os: string;
  readonly node: string;
}

export function thisMachine(): Machine {
  const cpus = os.cpus();
  return {
    cpu: cpus[0]?.model.trim() ?? 'unknown',
    cores: cpus.length,
    memoryGiB: Math.round((os.totalmem() / 1024 ** 3) * 10) / 10,
    os: `${os.type()} ${os.release()} ${os.arch()}`,
    node: process.version,
  };
}

/** One figure. */
export interface BenchResult {
  /** Stable and dotted, such as `end-to-end.durable.messages_per_s`. */
  readonly name: string;
  /** `millrace`, or the rival's name. */
  readonly system: string;
  readonly value: number;
  readonly unit: string;
}

/** What `--json` prints. */
export interface BenchReport {
  readonly machine: Machine;
  readonly results: readonly BenchResult[];
}

/** Middle value; of an even number the mean of the two in the middle. */
export function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  const middle = sorted.length >> 1;
  const upper = sorted[middle] ?? Number.NaN;
  return sorted.length % 2 === 1 ? upper : ((sorted[middle - 1] ?? Number.NaN) + upper) / 2;
}
