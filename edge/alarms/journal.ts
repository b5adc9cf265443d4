import { z } from 'zod';
import type { Snapshot } from '../core/progress/snapshot.ts';
import { PRIORITIES, type AlarmDefinition, type Evidence, type JournalEntry, type StandingAlarm } from './alarm.ts';

/* Alarms in the log: a record in topic `events` for each transition (key `alarm/<id>`), and what stands in the state of snapshots (`__state.alarms`). FORMAT.md, "Topics". */

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
  seen: z.record(z.string(), z.number()).optional(),
  ...definitionShape,
  ...conditionShape,
});

const alarmsSchema = z.array(
  z.object({ ...definitionShape, ...conditionShape, state: z.enum(STATES).exclude(['NORM']), stands: z.boolean() }),
);

/** Of the first version: `events` is the offset of the first record of that topic that the alarms do not hold. */
const firstSnapshotSchema = z.object({ v: z.literal(1), at: z.number(), events: z.number(), alarms: z.unknown() });

/** JSON of a line of the journal. */
export function journalText(line: JournalEntry): string {
  const { atUs, transition, by, state, definition, evidence, sinceUs, shelvedUntilUs, seen } = line;
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
    ...(seen === null ? {} : { seen }),
  });
}

/** The identity of a line that a sample made (DESIGN, "Consumers", form b); undefined: none did, and it is never made again. */
export function identityOf({ definition, transition, sinceUs, seen, by }: JournalEntry): string | undefined {
  return seen === null && by === null ? `${definition.id} ${transition} ${sinceUs}` : undefined;
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
    seen: line.seen ?? null,
  };
}

/** Alarms as they stand in the state of a snapshot, for JSON. */
export function alarmsState(alarms: readonly StandingAlarm[]): unknown {
  return alarms.map(({ sinceUs, shelvedUntilUs, evidence, ...rest }) => {
    return { ...rest, since: sinceUs, shelvedUntil: shelvedUntilUs, ...evidence };
  });
}

/** Throws if the value is none that `alarmsState` gave. */
export function parseAlarms(value: unknown): StandingAlarm[] {
  return alarmsSchema.parse(value).map((alarm) => ({
    ...definitionOf(alarm),
    state: alarm.state,
    stands: alarm.stands,
    sinceUs: alarm.since,
    shelvedUntilUs: alarm.shelvedUntil,
    evidence: evidenceOf(alarm),
  }));
}

/** Reads a snapshot of the first version, which held alarms and nothing else; undefined: it is none. */
export function parseFirstSnapshot(value: unknown): Snapshot | undefined {
  const parsed = firstSnapshotSchema.safeParse(value);
  if (!parsed.success) return undefined;
  const { at, events, alarms } = parsed.data;
  return { atUs: at, inputs: {}, outputs: { events }, watermarkUs: null, state: { alarms } };
}

function definitionOf({ id, name, kind, tag, asset, priority, onReturn }: AlarmDefinition): AlarmDefinition {
  return { id, name, kind, tag, asset, priority, onReturn };
}

function evidenceOf({ message, value, limit, reasons }: Evidence): Evidence {
  return { message, value, limit, reasons };
}
