import { readFileSync } from 'node:fs';
import path from 'node:path';
import { expect, test } from 'vitest';
import { double, T0 } from '../../historian/kit/history-kit.ts';
import { QuestdbWorld } from '../../historian/questdb/questdb-kit.ts';
import { requireService } from '../../test/services/require.ts';
import { startQuestdb } from '../../test/services/questdb.ts';
import { waitFor } from '../../test/services/wait.ts';
import { ErasureTable } from './erasure-table.ts';

const questdb = requireService('questdb');
const page = readFileSync(path.join(import.meta.dirname, '..', '..', 'docs', 'questdb.md'), 'utf8');

/** Seconds from the first time of the tests on. */
const secondOf = (timeMs: number): number => timeMs / 1000 - T0 / 1e6;

test.skipIf(!questdb.available)(`the statements of docs/questdb.md do what it says ${questdb.reason}`, async () => {
  await using server = await startQuestdb();
  await using world = new QuestdbWorld(server);
  const { samples } = world.names;
  const told = (pattern: RegExp): string[] =>
    [...page.matchAll(pattern)].map(([, sql = '']) => sql.replaceAll(/\bsamples(?=\b|_erasures\b)/g, samples));
  world.start();
  const tag = 'northmill/press/temperature';
  const nowSecond = Math.floor(secondOf(Date.now()));
  const old = secondOf(Date.parse('2026-03-01T12:00:00Z'));
  const bad = double(tag, nowSecond - 30, 100, { quality: 0x80000000 });
  world.append([double(tag, old, 1), double(tag, old + 86_400, 2), double(tag, nowSecond - 30, 21.5), bad]);
  await world.caughtUp();
  const erasures = new ErasureTable({ http: server.http }, samples, () => undefined);
  await erasures.open();
  const erasure = { id: 'e-1', by: 'eve', reason: 'a test', tags: [tag], prefix: false, fromUs: 0, toUs: 1, upTo: {} };
  await erasures.put([{ topic: 'northmill.samples', upTo: 5, offset: 7, timestampMs: 1000, erasure }]);
  const answers = [];
  for (const sql of told(/```sql\n([^`]*)```/g)) answers.push(await world.db.exec(sql.replace(/;.*\s*$/, '')));
  expect(answers.map(({ rows }) => rows.map((row) => row[1]))).toEqual([[21.5], ['northmill.samples']]);
  erasures.close();
  const statements = told(/`(ALTER TABLE [^`]+)`/g);
  expect(statements.map((sql) => sql.replace(samples, 'samples'))).toEqual([
    'ALTER TABLE samples RESUME WAL',
    "ALTER TABLE samples DROP PARTITION LIST '2026-03-01'",
  ]);
  for (const sql of statements) await world.db.exec(sql);
  await waitFor('the day to be gone', async () => (await world.count()) === 3);
  expect((await world.lines(tag)).length).toBe(3);
});
