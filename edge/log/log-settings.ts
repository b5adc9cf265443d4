import type { Config } from '../config/schema.ts';
import type { RetentionConfig } from '../core/log-worker.ts';

/** What the configuration says of how much the log keeps, and for how long. */
export function logRetention({ log }: Pick<Config, 'log'>): RetentionConfig {
  const limits = Object.entries(log.topics).flatMap(([topic, limit]) =>
    limit?.retention === undefined ? [] : [[topic, limit.retention] as const],
  );
  return { budgetBytes: log.budget, reserveBytes: log.reserve, retentionMs: Object.fromEntries(limits) };
}
