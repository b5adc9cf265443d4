/** Ticks of 100 ns in a millisecond. */
const TICKS_PER_MS = 10_000;
const PICOSECONDS_PER_TICK = 100_000;
/** 1970 in ticks since 1601. */
const UNIX_EPOCH_TICKS = 116_444_736_000_000_000n;

/** A DateTime as ISO 8601 with all its 100 ns. The library puts what a Date cannot hold beside it. Null: not a time. */
export function dateTimeText(date: Date): string | null {
  if (Number.isNaN(date.getTime())) return null;
  const picoseconds = 'picoseconds' in date && typeof date.picoseconds === 'number' ? date.picoseconds : 0;
  const ticks = Math.min(TICKS_PER_MS - 1, Math.floor(picoseconds / PICOSECONDS_PER_TICK));
  return `${date.toISOString().slice(0, -1)}${String(ticks).padStart(4, '0')}Z`;
}

/**
 * A DateTime (OPC UA Part 6, 5.2.2.5: 100 ns since 1601, signed, as two 32-bit words) in whole µs since the Unix epoch, rounded down, so that no time lies ahead of its
 * source's. Null: 1601 or before, by which a source says that it has no time.
 */
export function microsecondsOf(high: number, low: number): number | null {
  const ticks = BigInt.asIntN(64, (BigInt(high) << 32n) | BigInt(low));
  if (ticks <= 0n) return null;
  const unixTicks = ticks - UNIX_EPOCH_TICKS;
  const within = ((unixTicks % 10n) + 10n) % 10n;
  return Number((unixTicks - within) / 10n);
}
