import { z } from 'zod';
import { PRIORITIES, type AlarmDefinition, type Evidence, type JournalEntry, type StandingAlarm } from './alarm.ts';

/*
 * Alarms in the log: a record in topic `events` for each transition (key `alarm/<id>`), and in `__state.alarms` from time to time a snapshot of what stands, with the position in
 * `events` that it holds for. FORMAT.md, "Topics".
 */

const STATES = ['NORM', 'UNACK', 'ACKED', 'RTNUN', 'SHLVD', 'DSUPR', 'OOSRV'] as const;

/** A double that JSON cannot say (a limit that was never broken) stands as null. */
const double = z
  .number()
  .nullable()
  .transform((value) => value ?? Number.NaN);

const evidenceSchema = z.object({
  message: z.string(),
  value: double,
  limit: double,
  reasons: z.array(z.object({ signal: z.string(), expected: double, seen: double, share: double })),
});

const definitionShape = {
  id: z.string(),
  name: z.string(),
  kind: z.enum(['limit', 'model']),
  tag: z.string(),
  asset: z.string(),
  priority: z.enum(PRIORITIES),
  onReturn: z.enum(['latched', 'normal']),
};

const conditionShape = {
  since: z.number(),
  shelvedUntil: z.number().nullable(),
  ...evidenceSchema.shape,
};

const lineSchema = z.object({
  v: z.literal(1),
  at: z.number(),
  type: z.literal('alarm'),
  transition: z.enum(['raised', 'returned', 'acknowledged', 'shelved', 'unshelved']),
  by: z.string().nullable(),
  state: z.enum(STATES),
  ...definitionShape,
  ...conditionShape,
});

const snapshotSchema = z.object({
  v: z.literal(1),
  at: z.number(),
  /** Offset in `events` of the first record that the snapshot does not hold. */
  events: z.number(),
  alarms: z.array(
    z.object({ ...definitionShape, ...conditionShape, state: z.enum(STATES).exclude(['NORM']), stands: z.boolean() }),
  ),
});

/** What stood at one time. */
export interface AlarmSnapshot {
  readonly eventsOffset: number;
  readonly alarms: readonly StandingAlarm[];
}

/** JSON of a line of the journal. */
export function journalText(line: JournalEntry): string {
  const { atUs, transition, by, state, definition, evidence, sinceUs, shelvedUntilUs } = line;
  return JSON.stringify({
    v: 1,
    at: atUs,
    type: 'alarm',
    transition,
    by,
    state,
    ...definition,
    ...evidence,
    since: sinceUs,
    shelvedUntil: shelvedUntilUs,
  });
}

/** The line that a record of `events` holds; undefined for another event. Throws if the text is no JSON, or an alarm of another make. */
export function parseJournal(text: string): JournalEntry | undefined {
  const value: unknown = JSON.parse(text);
  if ((value as { type?: unknown } | null)?.type !== 'alarm') return undefined;
  const line = lineSchema.parse(value);
  return {
    transition: line.transition,
    atUs: line.at,
    by: line.by,
    definition: definitionOf(line),
    state: line.state,
    sinceUs: line.since,
    shelvedUntilUs: line.shelvedUntil,
    evidence: evidenceOf(line),
  };
}

/** JSON of a snapshot. */
export function snapshotText({ eventsOffset, alarms }: AlarmSnapshot, atUs: number): string {
  const items = alarms.map(({ sinceUs, shelvedUntilUs, evidence, ...rest }) => {
    return { ...rest, since: sinceUs, shelvedUntil: shelvedUntilUs, ...evidence };
  });
  return JSON.stringify({ v: 1, at: atUs, events: eventsOffset, alarms: items });
}

/** Throws if the text is no snapshot. */
export function parseSnapshot(text: string): AlarmSnapshot {
  const { events, alarms } = snapshotSchema.parse(JSON.parse(text));
  return {
    eventsOffset: events,
    alarms: alarms.map((alarm) => ({
      ...definitionOf(alarm),
      state: alarm.state,
      stands: alarm.stands,
      sinceUs: alarm.since,
      shelvedUntilUs: alarm.shelvedUntil,
      evidence: evidenceOf(alarm),
    })),
  };
}

function definitionOf({ id, name, kind, tag, asset, priority, onReturn }: AlarmDefinition): AlarmDefinition {
  return { id, name, kind, tag, asset, priority, onReturn };
}

function evidenceOf({ message, value, limit, reasons }: Evidence): Evidence {
  return { message, value, limit, reasons };
}
