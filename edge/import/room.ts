import type { Config } from '../config/schema.ts';
import { historianRetention, logRetention } from '../log/log-settings.ts';

/** Bytes that a sample takes in the log, packed, and in the historian: more than most need (docs/historian.md, "Sizing"). */
const LOG_BYTES = 24;
const HISTORIAN_BYTES = 8;
const DAY_MS = 86_400_000;

/** What of the gateway's forecast is needed. */
export interface Room {
  /** Free on the disk of the data folder. */
  readonly freeBytes: number;
  /** What the log may take, and takes. */
  readonly limitBytes: number;
  readonly bytes: number;
}

/** What an import needs, and what becomes of it. */
export interface RoomNeeded {
  readonly bytes: number;
  /** Why it should not be begun; undefined: there is room. */
  readonly problem: string | undefined;
  /** What is good to know. */
  readonly notes: readonly string[];
}

/**
 * Whether there is room for so many samples: in the log, which keeps them by the time of the import, and in the historian, which keeps them from the import on as long as any (its retention counts from the time of a sample or
 * its arrival, whichever is later).
 */
export function roomFor(samples: number, room: Room, config: Pick<Config, 'log' | 'historian'>): RoomNeeded {
  const logBytes = samples * LOG_BYTES;
  const bytes = logBytes + samples * HISTORIAN_BYTES;
  const { retentionMs = {} } = logRetention(config);
  const logDays = retentionMs['samples'];
  const kept = historianRetention(config)['samples'];
  const notes = [
    `The log keeps these samples ${logDays === undefined ? 'as long as its budget lasts' : `${days(logDays)} from now on`} (by the time of the import, not their own); the historian keeps them ${
      kept === undefined ? 'for ever' : `${days(kept)} from now on`
    }.`,
  ];
  if (logBytes > room.limitBytes - room.bytes)
    notes.push(
      `They take about ${mebibytes(logBytes)} of the log, which has ${mebibytes(Math.max(0, room.limitBytes - room.bytes))} left of its budget: its oldest records will go, which the historian has.`,
    );
  const problem =
    bytes > room.freeBytes
      ? `It takes about ${mebibytes(bytes)}; the disk has ${mebibytes(room.freeBytes)} free.`
      : undefined;
  return { bytes, problem, notes };
}

function days(ms: number): string {
  return `${Math.round((ms / DAY_MS) * 10) / 10} d`;
}

function mebibytes(bytes: number): string {
  return `${Math.ceil(bytes / 1_048_576).toLocaleString('en')} MiB`;
}
