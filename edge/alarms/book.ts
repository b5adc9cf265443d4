import { assert, Fault } from '../core/fault.ts';
import type { AlarmDefinition, Evidence, JournalEntry, StandingAlarm } from './alarm.ts';
import { type AlarmState, type AlarmTransition, nextState } from './state.ts';

/** Alarms that one gateway may have. */
const MAX_ALARMS = 10_000;

/** What an operator asks for. */
export type AlarmAction =
  | { readonly action: 'acknowledge'; readonly by: string }
  | { readonly action: 'shelve'; readonly by: string; readonly untilUs: number }
  | { readonly action: 'unshelve'; readonly by: string };

interface Entry {
  readonly definition: AlarmDefinition;
  state: AlarmState;
  stands: boolean;
  sinceUs: number;
  shelvedUntilUs: number | null;
  evidence: Evidence;
}

const NO_EVIDENCE: Evidence = { message: '', value: Number.NaN, limit: Number.NaN, reasons: [] };

/** All alarms of a gateway and their states. Every transition is a line of the journal; who holds the book writes it down before anybody is told. */
export class AlarmBook {
  private readonly entries = new Map<string, Entry>();

  /** Makes an alarm known, in state NORM. Throws an assertion for an id that is taken. */
  define(definition: AlarmDefinition): void {
    assert(!this.entries.has(definition.id), `alarm ${definition.id} is defined once`);
    assert(this.entries.size < MAX_ALARMS, `at most ${MAX_ALARMS} alarms`);
    this.entries.set(definition.id, {
      definition,
      state: 'NORM',
      stands: false,
      sinceUs: 0,
      shelvedUntilUs: null,
      evidence: NO_EVIDENCE,
    });
  }

  /** Puts an alarm back into the state in which an earlier run left it; one that is not defined any more is dropped. `stands` waits for the next value. */
  restore(id: string, from: Pick<StandingAlarm, 'state' | 'stands' | 'sinceUs' | 'shelvedUntilUs' | 'evidence'>): void {
    const entry = this.entries.get(id);
    if (entry === undefined) return;
    const { state, stands, sinceUs, shelvedUntilUs, evidence } = from;
    Object.assign(entry, { state, stands, sinceUs, shelvedUntilUs, evidence });
  }

  /** Takes over a line of the journal that an earlier run wrote. */
  apply({ definition, state, transition, sinceUs, shelvedUntilUs, evidence }: JournalEntry): void {
    const entry = this.entries.get(definition.id);
    if (entry === undefined) return;
    const said = STANDS[state];
    const stands = said ?? (transition === 'raised' || (transition !== 'returned' && entry.stands));
    Object.assign(entry, { state, stands, sinceUs, shelvedUntilUs, evidence });
  }

  /** Has an alarm say what the last line of an earlier run says, if it says something else. */
  settle(line: JournalEntry): void {
    const entry = this.entries.get(line.definition.id);
    if (entry === undefined) return;
    const { state, sinceUs, shelvedUntilUs } = line;
    if (entry.state === state && entry.sinceUs === sinceUs && entry.shelvedUntilUs === shelvedUntilUs) return;
    this.apply(line);
  }

  /** What the process says now. Returns the journal's line if that changes anything. */
  condition(id: string, stands: boolean, timeUs: number, nowUs: number, evidence: Evidence): JournalEntry | undefined {
    const entry = this.entry(id);
    if (stands) entry.evidence = evidence;
    if (stands === entry.stands) return undefined;
    entry.stands = stands;
    return this.transit(entry, stands ? 'raised' : 'returned', timeUs, nowUs, null);
  }

  /** Takes an operator's action. Throws `alarm-unknown`, or `alarm-state` where it means nothing in this state. */
  act(id: string, action: AlarmAction, nowUs: number): JournalEntry {
    const entry = this.entry(id);
    const transition = TRANSITION_OF[action.action];
    const before = entry.shelvedUntilUs;
    entry.shelvedUntilUs = action.action === 'shelve' ? action.untilUs : null;
    const line = this.transit(entry, transition, nowUs, nowUs, action.by);
    if (line !== undefined) return line;
    entry.shelvedUntilUs = before;
    throw new Fault('alarm-state', `${id} is ${entry.state}: it cannot be ${transition}.`);
  }

  /** Brings back what was shelved for long enough. */
  expire(nowUs: number): JournalEntry[] {
    return [...this.entries.values()].flatMap((entry) => {
      if (entry.shelvedUntilUs === null || entry.shelvedUntilUs > nowUs) return [];
      entry.shelvedUntilUs = null;
      return this.transit(entry, 'unshelved', nowUs, nowUs, null) ?? [];
    });
  }

  /** Alarms that are not NORM, the newest first. */
  standing(): StandingAlarm[] {
    return [...this.entries.values()]
      .flatMap(({ definition, ...rest }) =>
        rest.state === 'NORM' ? [] : [{ ...definition, ...rest, state: rest.state }],
      )
      .toSorted((a, b) => b.sinceUs - a.sinceUs);
  }

  private transit(
    entry: Entry,
    transition: AlarmTransition,
    timeUs: number,
    atUs: number,
    by: string | null,
  ): JournalEntry | undefined {
    const { definition, evidence, shelvedUntilUs } = entry;
    const state = nextState(entry.state, transition, definition.onReturn, entry.stands);
    if (state === undefined) return undefined;
    entry.state = state;
    entry.sinceUs = timeUs;
    return { transition, atUs, by, definition, state, sinceUs: timeUs, shelvedUntilUs, evidence, seen: null };
  }

  private entry(id: string): Entry {
    const entry = this.entries.get(id);
    if (entry === undefined) throw new Fault('alarm-unknown', id.slice(0, 200));
    return entry;
  }
}

/** Whether the process is in the condition, where the state of the alarm says it. */
const STANDS: Partial<Record<AlarmState, boolean>> = { UNACK: true, ACKED: true, RTNUN: false, NORM: false };

const TRANSITION_OF = { acknowledge: 'acknowledged', shelve: 'shelved', unshelve: 'unshelved' } as const;
