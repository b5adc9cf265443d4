import { readdirSync, readFileSync, rmSync, statSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, test } from 'vitest';
import type { Fault } from '../../edge/core/fault.ts';
import { ValueKind } from '../../edge/core/sample.ts';
import { startQuestdb } from '../../test/services/questdb.ts';
import { requireService } from '../../test/services/require.ts';
import { shared } from '../../test/services/shared.ts';
import { waitFor } from '../../test/services/wait.ts';
import { double, T0, type Tagged } from '../kit/history-kit.ts';
import { doubles, QuestdbWorld, TAG } from './questdb-kit.ts';

const questdb = requireService('questdb');
const OTHER = "northmill/it's other";
const SECRET = 'the-secret-of-the-press';

/** Times of samples `from` to `to` (without it), as `doubles` makes them. */
function span(from: number, to: number): { fromUs: number; toUs: number } {
  return { fromUs: T0 + from * 1_000_000, toUs: T0 + to * 1_000_000 };
}

/** Values of a tag, in order. */
async function values(world: QuestdbWorld, tag = TAG): Promise<unknown[]> {
  const all: unknown[] = [];
  for await (const page of world.history.query({ tag, fromUs: 0, toUs: 2 ** 53, replaced: true }))
    for (const { value } of page.samples()) all.push(value);
  return all;
}

const numbers = (from: number, to: number): number[] => Array.from({ length: to - from }, (_, i) => from + i);

function text(second: number): Tagged {
  return double('northmill/text', second, 0, { kind: ValueKind.string, value: `${SECRET} ${second}` });
}

/** Files under a folder that contain these bytes. */
function filesWith(folder: string, bytes: string): string[] {
  const names = readdirSync(folder, { recursive: true, encoding: 'utf8' });
  return names.filter((name) => {
    const file = path.join(folder, name);
    return statSync(file, { throwIfNoEntry: false })?.isFile() === true && readFileSync(file).includes(bytes);
  });
}

describe.skipIf(!questdb.available)('erasing in QuestDB', () => {
  const properties = {
    // The table's log (WAL) goes some seconds after the last write, not some minutes.
    'cairo.wal.purge.interval': '1000',
    'cairo.wal.inactive.writer.ttl': '2000',
    'cairo.idle.check.interval': '1000',
    // Small files, which this test reads again and again.
    'cairo.writer.data.append.page.size': '65536',
    'cairo.wal.writer.data.append.page.size': '65536',
    'cairo.system.writer.data.append.page.size': '65536',
  };
  const server = shared(() => startQuestdb({ properties }));

  test('a span of some tags is in no answer any more; what came later, what is of other tags and of other times stays', async () => {
    await using world = new QuestdbWorld(server());
    world.start();
    world.append(doubles(0, 100));
    world.append(doubles(0, 100, OTHER));
    await world.caughtUp();
    await world.feed.erase({ tags: [TAG], ...span(10, 20), upTo: { samples: 200 } });
    expect(await values(world)).toEqual([...numbers(0, 10), ...numbers(20, 100)]);
    expect(await values(world, OTHER)).toEqual(numbers(0, 100));
    // Corrected since: it comes behind the erasure.
    world.append([double(TAG, 15, -1)]);
    await world.caughtUp();
    expect(await values(world)).toEqual([...numbers(0, 10), -1, ...numbers(20, 100)]);
    await world.feed.erase({ tags: [TAG, OTHER], fromUs: -(2 ** 53), toUs: 2 ** 53, upTo: { samples: 201 } });
    expect([await values(world), await values(world, OTHER)]).toEqual([[], []]);
    expect(await world.history.summaries([TAG, OTHER])).toEqual([]);
    const tags = [];
    for await (const page of world.history.tags()) tags.push(...page);
    expect(tags).toEqual([
      { tag: TAG, samples: 101, firstUs: 0, lastUs: -1 },
      { tag: OTHER, samples: 100, firstUs: 0, lastUs: -1 },
    ]);
    const latest = [];
    for await (const part of world.history.latest([TAG, OTHER])) latest.push(...part.samples());
    expect(latest).toEqual([]);
  });

  test('what is still on its way is erased too', async () => {
    await using world = new QuestdbWorld(server());
    world.append(doubles(0, 20_000));
    world.start();
    await world.feed.erase({ tags: [TAG], ...span(5000, 15_000), upTo: { samples: 20_000 } });
    await world.caughtUp();
    expect(await values(world)).toEqual([...numbers(0, 5000), ...numbers(15_000, 20_000)]);
  });

  test('it does not come back when rows are sent again after a crash, nor when the table is filled anew', async () => {
    await using world = new QuestdbWorld(server());
    world.start();
    world.append(doubles(0, 100));
    await world.caughtUp();
    await world.feed.erase({ tags: [TAG], ...span(0, 50), upTo: { samples: 100 } });
    await world.stop();
    rmSync(`${world.folder.data}/questdb/cursor`);
    world.newFeed();
    world.start();
    world.append(doubles(100, 110));
    await world.caughtUp();
    expect(await values(world)).toEqual(numbers(50, 110));
    await world.db.exec(`DROP TABLE ${world.names.samples}`);
    world.append(doubles(110, 120));
    await waitFor('the new table to have the rest', async () => (await values(world)).length === 70);
    expect(await values(world)).toEqual(numbers(50, 120));
  });

  test('many tags are erased, and their bytes are in no file of the server any more', async () => {
    await using world = new QuestdbWorld(server());
    world.start();
    const tags = numbers(0, 1000).map((i) => `northmill/${'long name '.repeat(10)}${i}`);
    world.append([...numbers(0, 300).map(text), ...tags.map((tag) => double(tag, 1, 1))]);
    await world.caughtUp();
    const folder = path.join(server().dir, 'db');
    expect(filesWith(folder, SECRET)).not.toEqual([]);
    await world.feed.erase({
      tags: ['northmill/text', ...tags],
      fromUs: 0,
      toUs: 2 ** 53,
      upTo: { samples: 1300 },
    });
    expect(await values(world, 'northmill/text')).toEqual([]);
    expect(await world.history.summaries(tags)).toEqual([]);
    await waitFor('the old files to be removed', () => filesWith(folder, SECRET).length === 0, 120_000);
  });

  test('it is done on a server that does not sync when that has had time to write it out', async () => {
    await using own = await startQuestdb({ properties: { 'cairo.commit.mode': 'nosync' } });
    await using world = new QuestdbWorld(own, { settleMs: 4000 });
    world.start();
    world.append(doubles(0, 10));
    await world.caughtUp();
    const begunMs = performance.now();
    await world.feed.erase({ tags: [TAG], ...span(0, 5), upTo: { samples: 10 } });
    expect(performance.now() - begunMs).toBeGreaterThanOrEqual(4000);
    expect(await values(world)).toEqual(numbers(5, 10));
    // One that ends before may have forgotten it: it is to be asked again.
    const again = world.feed.erase({ tags: [TAG], ...span(5, 6), upTo: { samples: 10 } });
    const told = again.then(
      () => 'done',
      (fault: unknown) => (fault as Fault).code,
    );
    await waitFor('it to be out of the answers', async () => (await values(world)).length === 4);
    await own.kill9();
    world.append(doubles(10, 11));
    expect(await told).toBe('questdb-unreachable');
  });

  test('a server that is away refuses it, and it can be asked again', async () => {
    await using own = await startQuestdb();
    await using world = new QuestdbWorld(own);
    world.start();
    world.append(doubles(0, 10));
    await world.caughtUp();
    await own.kill9();
    const erasure = { tags: [TAG], ...span(0, 5), upTo: { samples: 10 } };
    await expect(world.feed.erase(erasure)).rejects.toMatchObject({ code: 'questdb-unreachable' });
    await own.restart();
    await world.caughtUp();
    await waitFor('the erasure', async () => {
      await world.feed.erase(erasure);
      return true;
    });
    expect(await values(world)).toEqual(numbers(5, 10));
  });
});
