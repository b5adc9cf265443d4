import type { AlarmState, AlarmTransition, OnReturn } from './state.ts';

/** Priorities, most urgent last (ISA-18.2: three or four levels). */
export const PRIORITIES = ['low', 'medium', 'high', 'urgent'] as const;
export type Priority = (typeof PRIORITIES)[number];

/** What an alarm is, whether it stands or not. */
export interface AlarmDefinition {
  /** Unique and stable: the name of the alarm, or of the model. */
  readonly id: string;
  readonly name: string;
  readonly kind: 'limit' | 'model';
  /** Absolute path of the tag that it watches: for a model, its score. */
  readonly tag: string;
  /** Absolute path of the asset. */
  readonly asset: string;
  readonly priority: Priority;
  readonly onReturn: OnReturn;
}

/** A signal that made a model raise an alarm. */
interface Reason {
  /** Absolute path of the tag. */
  readonly signal: string;
  /** What the model expected, in the signal's unit. */
  readonly expected: number;
  readonly seen: number;
  /** Its part in the score, 0 to 1. */
  readonly share: number;
}

/** What speaks for an alarm at the moment when it is raised; renewed while it stands. */
export interface Evidence {
  readonly message: string;
  readonly value: number;
  readonly limit: number;
  /** Ranked, the greatest share first; empty for limits. */
  readonly reasons: readonly Reason[];
}

/** An alarm that is not NORM. */
export interface StandingAlarm extends AlarmDefinition {
  readonly state: Exclude<AlarmState, 'NORM'>;
  /** Whether the process is still in the condition. */
  readonly stands: boolean;
  /** Since when it has been in this state, µs: for UNACK the time of the value that raised it. */
  readonly sinceUs: number;
  /** SHLVD: when it comes back by itself, µs. */
  readonly shelvedUntilUs: number | null;
  readonly evidence: Evidence;
}

/** One line of the alarm journal. */
export interface JournalEntry {
  readonly transition: AlarmTransition;
  readonly atUs: number;
  /** Who did it; null: the process itself. */
  readonly by: string | null;
  readonly definition: AlarmDefinition;
  /** State behind the transition. */
  readonly state: AlarmState;
  /** Time of the value that caused it, or of the action, µs. */
  readonly sinceUs: number;
  readonly shelvedUntilUs: number | null;
  readonly evidence: Evidence;
  /**
   * How far the samples had been seen, by topic, where no sample made this line: a person did, or time went by. A replay of the samples takes it over there. Null: a sample made it,
   * and makes it again.
   */
  readonly seen: Readonly<Record<string, number>> | null;
}
