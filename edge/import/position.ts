import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, rmSync, statSync } from 'node:fs';
import path from 'node:path';
import { z } from 'zod';
import { readFile, realDisk, replaceFile } from '../core/disk.ts';
import { Fault, messageOf } from '../core/fault.ts';

const schema = z.object({
  v: z.literal(1),
  /** What was imported, and how. */
  identity: z.string(),
  /** Number of the file, and its rows that are done. */
  file: z.int().nonnegative(),
  rows: z.int().nonnegative(),
  /** So far. */
  logged: z.int().nonnegative(),
  duplicate: z.int().nonnegative(),
  refused: z.int().nonnegative(),
  /** Length of the file of what was refused. */
  reportBytes: z.int().nonnegative(),
  types: z.record(z.string(), z.string()),
});

/** How far an import has come: all rows before are durable, or on record as refused. */
export type ImportProgress = Omit<z.infer<typeof schema>, 'v' | 'identity'>;

/** Where an import stands, in `imports/` of the data folder, so that it can go on after a kill. A hint that saves time: an import that begins anew takes nothing twice either. */
export class ImportPosition {
  private readonly place: string;
  private readonly identity: string;

  /** `settings`: all that decides what the files become. */
  constructor(dataFolder: string, files: readonly string[], settings: unknown) {
    const absolute = files.map((file) => path.resolve(file));
    const name = createHash('sha256').update(absolute.join('\n')).digest('hex').slice(0, 16);
    this.place = path.join(dataFolder, 'imports', `${name}.json`);
    const facts = absolute.map((file) => [file, statSync(file).size, statSync(file).mtimeMs]);
    this.identity = createHash('sha256')
      .update(JSON.stringify([facts, settings]))
      .digest('hex');
  }

  /** Whether an import of these files was ended on its way. */
  get isThere(): boolean {
    return existsSync(this.place);
  }

  /** Where it was ended; undefined: nowhere. Throws `usage` if the files or the settings are other ones by now, `state-damaged`. */
  read(): ImportProgress | undefined {
    const bytes = readFile(realDisk, this.place);
    if (bytes === undefined) return undefined;
    let found: z.infer<typeof schema>;
    try {
      found = schema.parse(JSON.parse(new TextDecoder().decode(bytes)));
    } catch (error) {
      throw new Fault(
        'state-damaged',
        `${this.place}: ${messageOf(error)}. Without --resume the import begins anew, and takes nothing twice.`,
        { cause: error },
      );
    }
    if (found.identity !== this.identity)
      throw new Fault(
        'usage',
        '--resume: the files, the map or the options are not what they were. Without it the import begins anew, and takes nothing twice.',
      );
    return found;
  }

  /** Notes how far it is. Throws `file-unwritable`. */
  save(progress: ImportProgress): void {
    try {
      mkdirSync(path.dirname(this.place), { recursive: true, mode: 0o750 });
      replaceFile(realDisk, this.place, `${JSON.stringify({ v: 1, identity: this.identity, ...progress })}\n`);
    } catch (error) {
      throw new Fault('file-unwritable', `${this.place}: ${messageOf(error)}`, { cause: error });
    }
  }

  /** The import is done. */
  remove(): void {
    rmSync(this.place, { force: true });
  }
}
