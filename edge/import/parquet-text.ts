import { once } from 'node:events';
import { DuckDBInstance } from '@duckdb/node-api';
import { csvText } from '../api/value-text.ts';

/** A process that writes the rows of a Parquet file as CSV to its standard output: threads do not contain crashes of native code (DESIGN, "Threads"). Its one argument is the file. */

const SETTINGS = {
  memory_limit: '512MiB',
  threads: '1',
  temp_directory: '',
  autoinstall_known_extensions: 'false',
  autoload_known_extensions: 'false',
};

/** Nobody reads what it writes any more. */
const gone = (): never => process.exit(1);
process.once('disconnect', gone);
process.stdout.once('error', gone);

const [file = ''] = process.argv.slice(2);
try {
  await writeRows(file);
  process.off('disconnect', gone);
  process.disconnect();
} catch (error) {
  process.stderr.write(error instanceof Error ? error.message : String(error));
  process.exit(1);
}

async function writeRows(name: string): Promise<void> {
  const instance = await DuckDBInstance.create(':memory:', SETTINGS);
  const connection = await instance.connect();
  await connection.run(`SET TimeZone = 'UTC'`);
  const from = `read_parquet('${name.replaceAll("'", "''")}')`;
  const described = (await connection.runAndReadAll(`DESCRIBE SELECT * FROM ${from}`)).getRows();
  const columns = described.map(([column, type]) => ({ name: String(column), type: String(type) }));
  const parts = columns.map((column) => [column.name, textOf(column)]);
  await write(`${parts.map(([title = '']) => csvText(title)).join(',')}\n`);
  const result = await connection.stream(`SELECT ${parts.map(([, expression]) => expression).join(', ')} FROM ${from}`);
  for (let chunk = await result.fetchChunk(); chunk !== null && chunk.rowCount > 0; chunk = await result.fetchChunk()) {
    const lines = chunk
      .getRows()
      .map((row) => row.map((cell) => (cell === null ? '' : cell === '' ? '""' : csvText(cell as string))).join(','));
    await write(`${lines.join('\n')}\n`);
  }
  connection.closeSync();
  instance.closeSync();
}

/** A column as text: times in ISO 8601 (with a zone where the file has one), bytes in base64. */
function textOf({ name, type }: { readonly name: string; readonly type: string }): string {
  const quoted = `"${name.replaceAll('"', '""')}"`;
  return type === 'BLOB' ? `base64(${quoted})` : `${quoted}::VARCHAR`;
}

async function write(text: string): Promise<void> {
  if (!process.stdout.write(text)) await once(process.stdout, 'drain');
}
