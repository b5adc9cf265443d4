import { Fault } from '../../edge/core/fault.ts';
import { type QuestdbAddress, QuestdbHttp } from './http.ts';
import { SETTLE_MS } from './limits.ts';
import { syncsFiles } from './table.ts';

/**
 * How long what is applied must stand before it counts, ms: not at all where the server syncs its files; else, which is reported, until its system has written them out by itself. Throws
 * `questdb-unreachable`, `questdb-refused`.
 */
export async function settlingMs(
  address: QuestdbAddress,
  report: (fault: Fault) => void,
  unsyncedMs = SETTLE_MS,
): Promise<number> {
  const db = new QuestdbHttp(address);
  try {
    if (await syncsFiles(db)) return 0;
    report(new Fault('questdb-unsynced', `What counts as stored stays ${unsyncedMs / 1000} s behind what is applied.`));
    return unsyncedMs;
  } finally {
    db.close();
  }
}
