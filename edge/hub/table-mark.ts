import { setTimeout as pause } from 'node:timers/promises';
import type { QuestdbHttp } from '../../historian/questdb/http.ts';
import { walState, type WalState } from '../../historian/questdb/table.ts';

/** Just after its start a server may tell an old number. */
const LATE_MS = 5000;
const LOOK_MS = 250;

/** What is committed beside positions: which table has the rows before them, and how far its log was applied then. */
export function markOf({ identity }: Pick<WalState, 'identity'>, transaction: number): string {
  return `${identity} ${transaction}`;
}

/** Whether the table is not the one of a mark any more, or an older state of it: dropped and made anew, on a server that was wiped or put back from a backup. What is no mark is of an earlier version. */
export async function isAnotherTable(db: QuestdbHttp, table: string, mark: string | null): Promise<boolean> {
  const [, identity, transaction] = /^(\S+) (\d+)$/.exec(mark ?? '') ?? [];
  if (identity === undefined) return false;
  for (const endMs = performance.now() + LATE_MS; ; await pause(LOOK_MS)) {
    const state = await walState(db, table);
    if (state.identity !== identity) return true;
    if (state.committed >= Number(transaction)) return false;
    if (performance.now() > endMs) return true;
  }
}
