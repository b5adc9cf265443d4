/** Sizes and times as they stand in the configuration: `512MiB`, `30s`. */

const byteUnits: Readonly<Record<string, bigint>> = {
  B: 1n,
  kB: 1000n,
  MB: 1000n ** 2n,
  GB: 1000n ** 3n,
  TB: 1000n ** 4n,
  KiB: 1024n,
  MiB: 1024n ** 2n,
  GiB: 1024n ** 3n,
  TiB: 1024n ** 4n,
};

const timeUnits: Readonly<Record<string, bigint>> = {
  ms: 1n,
  s: 1000n,
  m: 60_000n,
  h: 3_600_000n,
  d: 86_400_000n,
};

/** Pattern of a size, for the JSON Schema. */
export const BYTES = /^\d{1,15}(\.\d{1,9})?(B|kB|MB|GB|TB|KiB|MiB|GiB|TiB)$/;
/** Pattern of a time, for the JSON Schema. */
export const DURATION = /^\d{1,15}(\.\d{1,9})?(ms|s|m|h|d)$/;

/** Bytes of a text such as `512MiB`; undefined if it is none, is not a whole number of bytes, or is beyond 2^53. */
export function parseBytes(text: string): number | undefined {
  return BYTES.test(text) ? scaled(text, byteUnits) : undefined;
}

/** Milliseconds of a text such as `30s`; undefined if it is none, is not a whole number of ms, or is beyond 2^53. */
export function parseDuration(text: string): number | undefined {
  return DURATION.test(text) ? scaled(text, timeUnits) : undefined;
}

/** Exact, also for decimals: `1.1s` is 1100 ms, not 1100.0000000000002. */
function scaled(text: string, units: Readonly<Record<string, bigint>>): number | undefined {
  const [, whole = '', decimals = '', unit = ''] = /^(\d+)(?:\.(\d+))?(\D+)$/.exec(text) ?? [];
  const factor = units[unit];
  if (factor === undefined) return undefined;
  const divisor = 10n ** BigInt(decimals.length);
  const amount = BigInt(whole + decimals) * factor;
  if (amount % divisor !== 0n) return undefined;
  const result = Number(amount / divisor);
  return Number.isSafeInteger(result) ? result : undefined;
}

/** A size for people, in the largest binary unit that is not below 1: `20GiB`, `1.5MiB`. */
export function formatBytes(bytes: number): string {
  return format(bytes, [
    ['TiB', 1024 ** 4],
    ['GiB', 1024 ** 3],
    ['MiB', 1024 ** 2],
    ['KiB', 1024],
    ['B', 1],
  ]);
}

/** A time for people, in the largest unit that is not below 1: `14d`, `1.5h`, `250ms`. */
export function formatDuration(ms: number): string {
  return format(ms, [
    ['d', 86_400_000],
    ['h', 3_600_000],
    ['m', 60_000],
    ['s', 1000],
    ['ms', 1],
  ]);
}

function format(amount: number, units: readonly (readonly [unit: string, factor: number])[]): string {
  const [unit, factor] = units.find(([, candidate]) => amount >= candidate) ?? units.at(-1) ?? ['', 1];
  const scaledAmount = amount / factor;
  return `${Number.isInteger(scaledAmount) ? scaledAmount : scaledAmount.toFixed(1)}${unit}`;
}
