import { rmSync } from 'node:fs';
import { type Disk, realDisk } from '../../edge/core/disk.ts';
import { beginReplacement, placeFile } from './place-file.ts';
import type { FileFormat, WriteJob, WrittenFile } from './messages.ts';
import { type ColdDoor, ParquetProcess } from './process.ts';

/** Who is told, and who is asked, while a file is written. */
export interface ExportOptions {
  /** Samples written so far; some times a second. */
  readonly onProgress?: (samples: number) => void;
  /** Ends it at once; nothing of the file is left. */
  readonly signal?: AbortSignal;
  /** The cold tier, for what the store has given up. */
  readonly cold?: ColdDoor | undefined;
  readonly disk?: Disk;
}

/** What is exported, and where to. */
export type ExportJob = WriteJob & { readonly format: FileFormat };

/**
 * Writes the samples of tags (null: of all) with `fromUs` ≤ effective time < `toUs` into a Parquet or CSV file that appears when it is whole, in bounded memory, by tag and then time; the columns are those
 * of `columns.ts`. A file of this name is replaced, and keeps its permissions. Throws `file-unwritable`, `worker-failed`, what the historian throws, or the signal's reason.
 */
export async function exportHistory(job: ExportJob, options: ExportOptions = {}): Promise<WrittenFile> {
  const { onProgress, signal, cold, disk = realDisk } = options;
  signal?.throwIfAborted();
  const beside = `${job.file}.${process.pid}.tmp`;
  const duckdb = new ParquetProcess();
  const onAbort = (): void => void duckdb.close();
  signal?.addEventListener('abort', onAbort, { once: true });
  try {
    const keepPermissions = beginReplacement(beside, job.file);
    const written = await duckdb.write({ ...job, file: beside }, { onProgress, cold });
    signal?.throwIfAborted();
    placeFile(disk, beside, job.file);
    keepPermissions();
    return written;
  } catch (error) {
    rmSync(beside, { force: true });
    throw signal?.aborted === true ? signal.reason : error;
  } finally {
    signal?.removeEventListener('abort', onAbort);
    await duckdb.close();
  }
}
