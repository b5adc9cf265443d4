import { once } from 'node:events';
import { connect, createServer, type Socket } from 'node:net';
import { expect, test } from 'vitest';
import { startQuestdb } from '../../test/services/questdb.ts';
import { requireService } from '../../test/services/require.ts';
import { PgQuestions } from './pg.ts';

const questdb = requireService('questdb');

test.skipIf(!questdb.available)(
  'a connection that the server has given up without a word is known by the next question, which is asked once more; a wrong password is told as such',
  async () => {
    await using server = await startQuestdb();
    const target = new URL(server.pg);
    const { port, hostname } = target;
    let cuts = 0;
    let connections = 0;
    const sockets: Socket[] = [];
    // Between the two, as a firewall that has forgotten them: what is said next is answered by an end.
    const between = createServer((client) => {
      connections++;
      const upstream = connect(Number(port), hostname);
      sockets.push(client, upstream);
      client.on('data', (bytes) => {
        if (cuts-- > 0) client.destroy();
        else upstream.write(bytes);
      });
      upstream.on('data', (bytes) => client.write(bytes));
      for (const socket of [client, upstream]) socket.on('error', () => socket.destroy());
    });
    between.listen(0, '127.0.0.1');
    await once(between, 'listening');
    const bound = between.address();
    target.port = String(typeof bound === 'object' && bound !== null ? bound.port : 0);
    const questions = new PgQuestions({ pg: target.href, password: server.password });
    expect(await questions.ask('SELECT 1', [])).toEqual([[1]]);
    cuts = 1;
    expect(await questions.ask('SELECT 2', [])).toEqual([[2]]);
    expect(connections).toBe(2);
    await questions.close();

    const stranger = new PgQuestions({ pg: server.pg, password: 'wrong' });
    await expect(stranger.ask('SELECT 1', [])).rejects.toMatchObject({ code: 'questdb-unauthorized' });
    await stranger.close();
    for (const socket of sockets) socket.destroy();
    between.close();
  },
);
