import { statSync } from 'node:fs';
import { Fault, messageOf } from '../../edge/core/fault.ts';
import { erasedSql, filesSql, quoted } from './cold-rows.ts';
import { copyOptions } from './columns.ts';
import { readWhole, spanOf, unreadable, withDuckdb } from './engine.ts';
import type { ParquetAnswers, RewriteJob } from './messages.ts';

/** Writes a file of samples again without what is erased; null: there was nothing of it. Throws `tier-unreadable`, `file-unwritable`. */
export async function rewriteSamples({ from, file, without }: RewriteJob): Promise<ParquetAnswers['rewrite']> {
  return await withDuckdb(async (connection) => {
    const rows = filesSql([from]);
    const erased = erasedSql(without);
    const sql = `SELECT count(*) FILTER (${erased}), count(*) FILTER (NOT ${erased}), count(*) FILTER (value = 0 AND signbit(value)) FROM ${rows}`;
    const [gone = 0, left = 0, zeros = 0] = await connection.runAndReadAll(sql).then(
      (reader) => (reader.getRows()[0] ?? []).map(Number),
      (error: unknown) => {
        throw unreadable(from, error);
      },
    );
    if (gone === 0) return null;
    if (left === 0) return { rows: 0, bytes: 0, span: null };
    const select = `SELECT * FROM ${rows} WHERE NOT ${erased}`;
    try {
      await connection.run(`COPY (${select}) TO ${quoted(file)} (${copyOptions('parquet', zeros > 0)})`);
    } catch (error) {
      await readWhole([from]);
      throw new Fault('file-unwritable', messageOf(error), { cause: error });
    }
    return { rows: left, bytes: statSync(file).size, span: await spanOf(connection, file) };
  });
}
