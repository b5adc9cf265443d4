import { mkdirSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, test } from 'vitest';
import { requireDisks, SmallDisk } from '../../test/log/small-disk.ts';
import { requireService } from '../../test/services/require.ts';
import { startQuestdb } from '../../test/services/questdb.ts';
import { waitFor } from '../../test/services/wait.ts';
import { doubles, QuestdbWorld } from './questdb-kit.ts';

const disks = requireDisks();
const questdb = requireService('questdb');

describe.skipIf(!disks.available || !questdb.available)(`the disk of QuestDB ${disks.reason}`, () => {
  test('that is full: nothing counts as stored that is not; when there is space again everything is stored, without anybody’s help', async () => {
    await using disk = await new SmallDisk().open(400);
    const root = path.join(disk.folder, 'questdb');
    mkdirSync(root);
    // Files grow by as much as they need, not by as much as a large server would set aside.
    const properties = {
      'cairo.writer.data.append.page.size': '65536',
      'cairo.wal.writer.data.append.page.size': '65536',
      'cairo.system.writer.data.append.page.size': '65536',
    };
    await using server = await startQuestdb({ root, properties });
    await using world = new QuestdbWorld(server);
    world.start();
    world.append(doubles(0, 1000));
    await world.caughtUp();
    disk.fill(300_000);
    let next = 1000;
    const more = (): void => {
      world.append(doubles(next, next + 5000));
      next += 5000;
    };
    await waitFor('QuestDB to have no space left', () => {
      more();
      return world.feed.status().problem !== null;
    });
    const { confirmed, problem } = world.feed.status();
    expect(problem?.code).toMatch(/questdb-(refused|suspended|unreachable)/);
    expect(confirmed['samples']).toBeLessThan(next);
    expect(world.feed.holds()['samples']).toBeLessThanOrEqual(confirmed['samples'] ?? 0);
    disk.empty();
    // Files that it has mapped cannot grow: that may end the server itself, and who runs it starts it again.
    if (!server.running()) await server.restart();
    await world.caughtUp(120_000);
    expect(await world.count()).toBe(next);
  });
});
