import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { decodeChunk, type ImportAnswer } from './chunk.ts';
import { carryOut, type Imported, openSources, planImport, learnedTypes } from './importing.ts';
import { ImportPosition, type ImportProgress } from './position.ts';
import { RefusalFile } from './refusals.ts';

const ROWS = 100_000;
/** The rows that this gateway does not take. */
const isRefused = (value: number): boolean => value % 1000 === 7;
const refusedOf = (rows: number): number => Math.floor((rows + 992) / 1000);

/** A folder with an export of one tag, whose values are the numbers of the rows. */
function exported(): { folder: string; file: string } {
  const folder = mkdtempSync(path.join(os.tmpdir(), 'millrace-import-'));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  const file = path.join(folder, 'a.csv');
  const rows = Array.from(
    { length: ROWS },
    (_, i) => `a,${new Date(1_700_000_000_000 + i * 1000).toISOString()},${i}\n`,
  );
  writeFileSync(file, `tag,time,value\n${rows.join('')}`);
  return { folder, file };
}

/** Imports until the gateway has had so many chunks, then is told to end; goes on where the import before was ended. */
async function importSome(
  { folder, file }: { folder: string; file: string },
  taken: Set<number>,
  chunks: number,
): Promise<{ imported: Imported; position: ImportProgress | undefined }> {
  const rest = { map: {}, site: 'plant', timezone: undefined, tag: undefined, known: new Map() };
  const job = { ...rest, files: [file], latestUs: Number.MAX_SAFE_INTEGER };
  const sources = await openSources(job);
  const ending = new AbortController();
  const plan = await planImport(job, sources, () => undefined, new AbortController().signal);
  const position = new ImportPosition(folder, [file], {});
  const nothing = { file: 0, rows: 0, logged: 0, duplicate: 0, refused: 0, reportBytes: 0 };
  const start = position.read() ?? { ...nothing, types: learnedTypes(plan) };
  const refusals = new RefusalFile(path.join(folder, 'refused.csv'), start.reportBytes);
  refusals.open();
  let sent = 0;
  const send = async (bytes: Uint8Array): Promise<ImportAnswer> => {
    await Promise.resolve();
    const values = decodeChunk(bytes).values.map(Number);
    if (++sent === chunks) ending.abort();
    const answer = { logged: 0, duplicate: 0, refused: [] as { row: number; reason: string; detail: string }[] };
    for (const [row, value] of values.entries()) {
      if (isRefused(value)) answer.refused.push({ row, reason: 'wrong-type', detail: 'It does not fit.' });
      else if (taken.has(value)) answer.duplicate++;
      else answer.logged++;
      taken.add(value);
    }
    return answer;
  };
  const imported = await carryOut(job, sources, {
    send,
    position,
    start,
    refusals,
    onProgress: () => undefined,
    signal: ending.signal,
  });
  return { imported, position: position.read() };
}

test('an import that is ended says where, however short it was, and goes on there with all that it has counted', async () => {
  const place = exported();
  const taken = new Set<number>();
  for (const chunks of [1, 2]) {
    const { imported, position } = await importSome(place, taken, chunks);
    expect(imported.whole).toBe(false);
    const rows = taken.size;
    expect(imported).toMatchObject({ logged: rows - refusedOf(rows), duplicate: 0, refused: refusedOf(rows) });
    expect(position).toMatchObject({ rows, logged: imported.logged, duplicate: 0, refused: imported.refused });
  }
  const { imported, position } = await importSome(place, taken, Number.POSITIVE_INFINITY);
  expect(imported).toEqual({ logged: ROWS - 100, duplicate: 0, refused: 100, whole: true });
  expect(position).toBeUndefined();
  const report = readFileSync(path.join(place.folder, 'refused.csv'), 'utf8').split('\n');
  expect(report.length).toBe(102);
  expect(new Set(report).size).toBe(102);
});
