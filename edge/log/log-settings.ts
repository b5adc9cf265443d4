import type { Config } from '../config/schema.ts';
import type { RetentionConfig } from '../core/log-worker.ts';
import { HISTORY_TOPICS } from '../core/topics.ts';
import { rollupTimes } from '../config/rollups-schema.ts';

/** What the configuration says of how much the log keeps, and for how long. */
export function logRetention({ log, historian }: Pick<Config, 'log' | 'historian'>): RetentionConfig {
  const limits = Object.entries(log.topics).flatMap(([topic, limit]) =>
    limit?.retention === undefined ? [] : [[topic, limit.retention] as const],
  );
  const others = Object.values(historianRetention({ historian }));
  return {
    budgetBytes: log.budget,
    reserveBytes: log.reserve,
    retentionMs: Object.fromEntries(limits),
    ...(others.length === 0 ? {} : { othersKeepMs: Math.min(...others) }),
  };
}

/** By topic, how long the historian keeps samples, ms; topics that are kept for ever are left out. */
export function historianRetention({ historian }: Pick<Config, 'historian'>): Record<string, number> {
  const { retention, topics } = historian;
  const kept = HISTORY_TOPICS.map((topic) => [topic, topics[topic]?.retention ?? retention] as const);
  return Object.fromEntries(kept.filter(([, ms]) => Number.isFinite(ms)));
}

/** How long roll-ups of minutes, hours and days are kept, ms; none: there are no roll-ups. */
export function historianRollups({ historian }: Pick<Config, 'historian'>): readonly number[] {
  return rollupTimes(historian.rollups, historian.retention);
}
