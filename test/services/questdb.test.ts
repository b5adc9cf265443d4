import { existsSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { startQuestdb, type Questdb } from './questdb.ts';
import { requireService } from './require.ts';
import { waitFor } from './wait.ts';

const questdb = requireService('questdb');

async function exec(server: Questdb, query: string): Promise<unknown> {
  const answer = await fetch(`${server.http}/exec?${new URLSearchParams({ query }).toString()}`);
  const { dataset = null, error } = (await answer.json()) as { dataset?: unknown; error?: string };
  if (error !== undefined) throw new Error(error);
  return dataset;
}

describe.skipIf(!questdb.available)('QuestDB', () => {
  test('what was inserted is there after kill -9; disposing ends the process and removes the folder', async () => {
    let folder: string;
    {
      await using server = await startQuestdb();
      folder = server.dir;
      await exec(server, 'CREATE TABLE t (ts TIMESTAMP, n LONG) TIMESTAMP(ts) PARTITION BY DAY WAL');
      await exec(server, 'INSERT INTO t VALUES (0, 1), (1, 2)');
      await server.kill9();
      await expect(exec(server, 'SELECT 1')).rejects.toThrow('fetch failed');
      await server.restart();
      await waitFor('both rows', async () => JSON.stringify(await exec(server, 'SELECT n FROM t')) === '[[1],[2]]');
      expect(
        await exec(server, "SELECT value FROM (SHOW PARAMETERS) WHERE property_path = 'cairo.commit.mode'"),
      ).toEqual([['sync']]);
    }
    expect(existsSync(folder)).toBe(false);
  });
});
