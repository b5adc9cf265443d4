import path from 'node:path';
import { realDisk } from '../../edge/core/disk.ts';
import { Fault, messageOf } from '../../edge/core/fault.ts';
import { StateFile } from '../../edge/core/progress/state-file.ts';

/** Which tables lie where, as this machine has seen them. */
export interface TablesSeen {
  /** That of a place, or undefined. Throws `state-damaged`. */
  at(location: string): string | undefined;
  /** Left out: it only looks. */
  note?(location: string, table: string): void;
  /** For people: what to remove where a table is to begin anew. */
  readonly file: string;
}

/** The places that were noted last are remembered. */
const MAX_PLACES = 100;

interface Content {
  readonly v: 1;
  readonly tables: readonly { readonly location: string; readonly table: string }[];
}

/**
 * The file in which the keeper of a cold tier notes which table it has filled in each place: a folder whose disk is not mounted, or a bucket that was emptied, looks as if there had never been anything, and
 * must not be taken for that.
 */
export class KnownTables implements TablesSeen {
  readonly file: string;
  private readonly state: StateFile;

  constructor(file: string) {
    this.file = file;
    const remedy = 'Remove it; it is written again. Without it a tier that is not mounted looks as if it were empty.';
    this.state = new StateFile({ disk: realDisk, file, consumer: 'tier', remedy });
  }

  at(location: string): string | undefined {
    return this.tables.find((each) => each.location === location)?.table;
  }

  /** Durable when this returns. Throws `file-unwritable`. */
  note(location: string, table: string): void {
    const { tables } = this;
    if (tables.some((each) => each.location === location && each.table === table)) return;
    const others = tables.filter((each) => each.location !== location);
    const content: Content = { v: 1, tables: [...others, { location, table }].slice(-MAX_PLACES) };
    try {
      realDisk.makeFolder(path.dirname(this.file));
      this.state.write(content);
    } catch (error) {
      throw new Fault('file-unwritable', `${this.file}: ${messageOf(error)}`, { cause: error });
    }
  }

  private get tables(): Content['tables'] {
    return (this.state.read() as Content | undefined)?.tables ?? [];
  }
}

/** The same for who only reads a tier. */
export function seenOnly(tables: TablesSeen): TablesSeen {
  return { file: tables.file, at: (location) => tables.at(location) };
}
