import type { LogFigures } from './core/retention/log-figures.ts';

/**
 * The time, ms, by which samples of the historian may expire: each topic's go that are older by then than they are kept. Undefined: none may now, because the clock is in doubt, or because it is
 * not known what the cold tier has. `coveredUs`: what came before and belongs before it is in the tier (null: that is not known; left out: there is no tier); nothing behind it goes, whose
 * retention is the shortest of all.
 */
export function expiryMs(
  { clock, believedMs }: Pick<LogFigures, 'clock' | 'believedMs'>,
  retentionMs: Readonly<Record<string, number>>,
  coveredUs?: number | null,
): number | undefined {
  if (!clock.trusted || coveredUs === null) return undefined;
  if (coveredUs === undefined) return believedMs;
  return Math.min(believedMs, coveredUs / 1000 + Math.min(...Object.values(retentionMs)));
}
