import { z } from 'zod';
import type { AlarmBook } from '../alarms/book.ts';
import { alarmsState, parseAlarms, parseFirstSnapshot } from '../alarms/journal.ts';
import { parseSnapshot, type Snapshot } from '../core/progress/snapshot.ts';
import type { AlarmWatch } from './alarm-watch.ts';
import type { ModelWatch } from './model-watch.ts';

/* What alarms and models remember, in the snapshots of `__state.alarms`: a format, add to it only. */

/** A double that JSON cannot say stands as null. */
const double = z
  .number()
  .nullable()
  .transform((value) => value ?? Number.NaN);

const conditionSchema = z.object({
  side: z.enum(['high', 'low']),
  sinceUs: z.number(),
  arrivalUs: z.number(),
  limit: double,
  value: double,
  stands: z.boolean(),
});

const modelSchema = z.object({
  fromUs: z.number(),
  version: z.string().nullable(),
  debounce: z.object({ stands: z.boolean(), beyond: z.number(), below: z.number() }).nullable(),
});

const stateSchema = z.object({
  alarms: z.unknown(),
  starts: z.record(z.string(), z.number()).default({}),
  conditions: z.record(z.string(), conditionSchema).default({}),
  models: z.record(z.string(), modelSchema).default({}),
});

/** What a later life goes on from, for JSON. */
export function watchState(book: AlarmBook, alarms: AlarmWatch, models: ReadonlyMap<string, ModelWatch>): unknown {
  const byName = Object.fromEntries([...models].map(([name, model]) => [name, model.state]));
  return { alarms: alarmsState(book.standing()), ...alarms.state, models: byName };
}

/** Reads a snapshot of any version. Throws if it is none, or its state is another program's. */
export function parseWatchSnapshot(value: unknown): Snapshot {
  const snapshot = parseFirstSnapshot(value) ?? parseSnapshot(value);
  parseAlarms(stateSchema.parse(snapshot.state).alarms);
  return snapshot;
}

/** Goes on where an earlier life was; what is configured no more is dropped. Returns whether that one knew all alarms that are configured now. */
export function restoreWatch(
  state: unknown,
  book: AlarmBook,
  alarms: AlarmWatch,
  models: ReadonlyMap<string, ModelWatch>,
): boolean {
  const { alarms: standing, starts, conditions, models: byName } = stateSchema.parse(state);
  for (const alarm of parseAlarms(standing)) book.restore(alarm.id, alarm);
  for (const [name, model] of models) {
    const before = byName[name];
    if (before !== undefined) model.restore(before);
  }
  return alarms.restore({ starts, conditions });
}
