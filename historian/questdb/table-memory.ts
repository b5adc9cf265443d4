import { randomUUID } from 'node:crypto';
import type { Disk } from '../../edge/core/disk.ts';
import { StateFile } from '../../edge/core/progress/state-file.ts';
import type { WalState } from './table.ts';

interface Memory {
  readonly v: 1;
  /** Another one for each table that has been filled: a cursor counts for its generation alone. */
  readonly generation: string;
  /** `WalState.identity`. */
  readonly table: string;
  /** The greatest transaction that is known to be in it. */
  readonly applied: number;
}

/**
 * Which table the cursor is of. A table that was created anew, a server that was wiped or put back from an older backup: all of them lack rows that the cursor stands behind. They are known by
 * another identity, or by a transaction number that has gone back; then a new generation begins, for which no cursor counts, and the table is filled again as far back as the log goes.
 */
export class TableMemory {
  private readonly file: StateFile;
  private readonly newId: () => string;
  private memory: Memory | undefined;

  constructor(disk: Disk, file: string, newId: () => string = randomUUID) {
    const remedy = 'Move it away: QuestDB is then given everything once more that the log still holds.';
    this.file = new StateFile({ disk, file, consumer: 'questdb-table', remedy });
    this.newId = newId;
  }

  /** The generation of the table that is there. Throws `state-damaged`. */
  generationOf({ identity, committed }: WalState): string {
    const known = this.memory ?? (this.file.read() as Memory | undefined);
    const same = known !== undefined && known.table === identity && known.applied <= committed;
    this.memory = same ? known : { v: 1, generation: this.newId(), table: identity, applied: 0 };
    if (!same) this.file.write(this.memory);
    return this.memory.generation;
  }

  /** That of the table that was filled last; undefined: none yet. Throws `state-damaged`. */
  lastGeneration(): string | undefined {
    this.memory ??= this.file.read() as Memory | undefined;
    return this.memory?.generation;
  }

  /** Transactions up to here are known to be in the table. */
  applied(transaction: number): void {
    if (this.memory === undefined || transaction <= this.memory.applied) return;
    this.memory = { ...this.memory, applied: transaction };
    this.file.write(this.memory);
  }
}
