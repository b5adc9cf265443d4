import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { double } from '../kit/history-kit.ts';
import { querySql } from './query.ts';
import { answerOf, LeftBehind, rowsOf } from './sql-kit.ts';

const left = new LeftBehind();
beforeAll(() => left.write([double('site/a', 0, 1.5)], [], []));
afterAll(() => left[Symbol.dispose]());

const ask = (sql: string, options = {}): Promise<Record<string, unknown>[]> => rowsOf(left.source, sql, options);

/** The fault that a question ends with. */
async function faultOf(sql: string, limits: object): Promise<string> {
  const error = await ask(sql, { limits }).then(
    () => new Error('no fault'),
    (fault: unknown) => fault as Error,
  );
  return `${(error as { code?: string }).code}: ${error.message}`;
}

const ENDLESS = 'SELECT count(*) FROM range(1000000000000) a WHERE a.range % 7 = 1';

describe('a process of its own', () => {
  test('answers, and streams', async () => {
    expect(await ask('SELECT tag, value FROM samples')).toEqual([{ tag: 'site/a', value: 1.5 }]);
    await using answer = await querySql(left.source, 'SELECT * FROM range(500000)', 'csv', {
      limits: { rows: 500_000 },
    });
    expect(answer.columns).toEqual([{ name: 'range', type: 'BIGINT' }]);
    let pieces = 0;
    let lines = 0;
    for await (const piece of answer.bytes) {
      pieces++;
      lines += Buffer.from(piece).toString().split('\n').length - 1;
    }
    expect(lines).toBe(500_001);
    expect(pieces).toBeGreaterThan(200);
    expect(answer.end()).toEqual({ rows: 500_000, gaps: 0, more: false });
  });

  test('gives as many rows as it may, and says that there are more', async () => {
    for (const [rows, more] of [
      [10, true],
      [100, false],
      [101, false],
    ] as const) {
      const { bytes, end } = await answerOf(left.source, 'SELECT * FROM range(100)', 'csv', { limits: { rows } });
      expect(end).toEqual({ rows: Math.min(rows, 100), gaps: 0, more });
      expect(bytes.toString().split('\n')).toHaveLength(Math.min(rows, 100) + 2);
    }
    const json = await answerOf(left.source, 'SELECT * FROM range(5)', 'json', { limits: { rows: 2 } });
    expect(JSON.parse(json.bytes.toString())).toEqual({
      columns: [{ name: 'range', type: 'BIGINT' }],
      rows: [[0], [1]],
      gaps: 0,
      more: true,
    });
  });

  test('of time', async () => {
    expect(await faultOf(ENDLESS, { timeMs: 2000 })).toMatch(/^sql-limit.*More than 2000 ms/);
  });

  test('of memory, without a place on a disk to go beyond it', async () => {
    const sql = 'SELECT count(*) FROM (SELECT DISTINCT random() FROM range(100000000))';
    const fault = await faultOf(sql, { memoryBytes: 32 << 20 });
    expect(fault).toMatch(/^sql-limit.*Out of Memory/);
    // Nothing of settings that cannot be changed here.
    expect(fault).not.toContain('temp_directory');
  });

  test('and of the size of a row', async () => {
    expect(await faultOf(`SELECT repeat('x', 20000000) AS x`, {})).toMatch(/^sql-limit.*A row of/);
  });

  test('ends at once when it is aborted, before and between rows', async () => {
    const controller = new AbortController();
    const waiting = ask(ENDLESS, { signal: controller.signal });
    setTimeout(() => controller.abort(new Error('enough')), 300);
    await expect(waiting).rejects.toThrow('enough');
    const second = new AbortController();
    const { bytes } = await querySql(left.source, 'SELECT * FROM range(100000)', 'json', { signal: second.signal });
    const read = async (): Promise<void> => {
      for await (const piece of bytes) if (piece.length > 0) second.abort(new Error('stop'));
    };
    await expect(read()).rejects.toThrow('stop');
    await expect(ask('SELECT 1', { signal: second.signal })).rejects.toThrow('stop');
  });

  test('a fault comes with its code, and the next question is answered', async () => {
    expect(await faultOf('SELECT nothing', {})).toMatch(/^sql-invalid.*nothing/);
    expect(await faultOf('DROP VIEW samples', {})).toMatch(/^sql-refused/);
    expect(await ask('SELECT 1 AS one')).toEqual([{ one: 1 }]);
  });
});
