import { rmSync } from 'node:fs';
import { realDisk } from '../../edge/core/disk.ts';
import type { HistoryFolders } from '../open-read-only.ts';
import { beginReplacement, placeFile } from '../parquet/place-file.ts';
import type { SqlEnd } from './messages.ts';
import { querySql, type SqlOptions } from './query.ts';

/** Asks a question in SQL as `querySql` does, and writes its rows into a Parquet file, which appears when it is whole; one of this name is replaced and keeps its permissions. Throws what that throws, and `file-unwritable`. */
export async function writeSqlFile(
  source: HistoryFolders,
  sql: string,
  file: string,
  options: Omit<SqlOptions, 'parquetFile'>,
): Promise<SqlEnd> {
  const beside = `${file}.${process.pid}.tmp`;
  try {
    const keepPermissions = beginReplacement(beside, file);
    await using answer = await querySql(source, sql, 'json', { ...options, parquetFile: beside });
    for await (const piece of answer.bytes) if (piece.length > 0) throw new Error('rows beside the file');
    placeFile(realDisk, beside, file);
    keepPermissions();
    return answer.end();
  } catch (error) {
    rmSync(beside, { force: true });
    throw error;
  }
}
