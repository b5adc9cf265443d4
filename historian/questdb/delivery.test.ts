import http from 'node:http';
import { once } from 'node:events';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { systemClock } from '../../edge/core/clock.ts';
import { startQuestdb } from '../../test/services/questdb.ts';
import { requireService } from '../../test/services/require.ts';
import { shared } from '../../test/services/shared.ts';
import { double } from '../kit/history-kit.ts';
import { Delivery, type DeliveryOptions } from './delivery.ts';
import { QuestdbHttp } from './http.ts';
import { tableNames } from './table.ts';

const questdb = requireService('questdb');
const TAG = Buffer.from('northmill/a');

const report = (fault: Error): never => expect.fail(fault.message);

function deliveryTo(address: string, table: string, more: Partial<DeliveryOptions> = {}): Delivery {
  const names = tableNames(table);
  return new Delivery({ address: { http: address }, names, epoch: 0, clock: systemClock(), report, ...more });
}

/** Samples in any order of time, which is what takes the server longest. */
async function add(delivery: Delivery, from: number, to: number, tag = TAG): Promise<void> {
  const series = delivery.series.idOf(delivery.topic('samples'), tag, 0, tag.length);
  for (let i = from; i < to; i++) {
    while (delivery.full) await delivery.room();
    const { sample } = double('northmill/a', (i * 7919) % 100_000, i);
    delivery.add(series, sample.timeUs, i, sample, Number.NaN);
  }
}

/** A way to the server that answers requests for which it is told so itself, as if they had been carried out. */
class Liar implements AsyncDisposable {
  swallows = 0;
  /** Connections over which rows came. */
  readonly writers = new Set<unknown>();
  private readonly server: http.Server;

  constructor(target: string) {
    this.server = http.createServer((request, response) => {
      if (request.method === 'POST') this.writers.add(request.socket);
      if (request.method === 'POST' && this.swallows > 0) {
        this.swallows--;
        request.resume().on('end', () => response.writeHead(204).end());
        return;
      }
      const { method = 'GET', headers, url = '/' } = request;
      const forwarded = http.request(new URL(url, target), { method, headers }, (answer) => {
        response.writeHead(answer.statusCode ?? 500, answer.headers);
        answer.pipe(response);
      });
      forwarded.on('error', () => response.destroy());
      request.pipe(forwarded);
    });
  }

  async open(): Promise<string> {
    this.server.listen(0, '127.0.0.1');
    await once(this.server, 'listening');
    const bound = this.server.address();
    return `http://127.0.0.1:${typeof bound === 'object' && bound !== null ? bound.port : 0}`;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.server.close();
    this.server.closeAllConnections();
    await once(this.server, 'close');
  }
}

describe.skipIf(!questdb.available)('a delivery', () => {
  const server = shared(() => startQuestdb());
  let db: QuestdbHttp;
  beforeAll(() => {
    db = new QuestdbHttp({ http: server().http });
  });
  afterAll(() => db.close());

  async function count(table: string): Promise<unknown> {
    return (await db.exec(`SELECT count() FROM ${table}`)).rows[0]?.[0];
  }

  test('is confirmed when the table shows it, not when the server has acknowledged it', async () => {
    const delivery = deliveryTo(server().http, 'shown');
    await delivery.open();
    for (let round = 0; round < 8; round++) {
      await add(delivery, round * 20_000, round * 20_000 + 20_000);
      await delivery.confirm();
      expect(await count('shown')).toBe(round * 20_000 + 20_000);
    }
    delivery.close();
  });

  test('is not confirmed where a request was acknowledged and the log of the table has not grown', async () => {
    await using liar = new Liar(server().http);
    const address = await liar.open();
    const first = deliveryTo(address, 'lost', { growthLimitMs: 3000 });
    await first.open();
    await add(first, 0, 10);
    await first.confirm();
    liar.swallows = 1;
    await add(first, 10, 20);
    await expect(first.confirm()).rejects.toMatchObject({
      code: 'questdb-rows-lost',
      detail: 'lost: 1 requests were acknowledged, its log grew by 0.',
    });
    first.close();
    expect(await count('lost')).toBe(10);
    const second = deliveryTo(address, 'lost');
    await second.open();
    await add(second, 0, 20);
    await second.confirm();
    second.close();
    expect(await count('lost')).toBe(20);
  });

  test('has a connection for each lane, and rows of many tags go over all of them', async () => {
    await using liar = new Liar(server().http);
    const delivery = deliveryTo(await liar.open(), 'lanes', { lanes: 3 });
    await delivery.open();
    for (let tag = 0; tag < 20; tag++) await add(delivery, tag * 10, tag * 10 + 10, Buffer.from(`northmill/${tag}`));
    await delivery.confirm();
    delivery.close();
    expect(liar.writers.size).toBe(3);
    expect(await count('lanes')).toBe(200);
  });

  test('a wrong password, and no user where one is asked for, are told as such', async () => {
    await using strict = await startQuestdb({ properties: { 'http.user': 'writer', 'http.password': 'right' } });
    const wrong = deliveryTo(strict.http.replace('//', '//writer@'), 'never');
    await expect(wrong.open()).rejects.toMatchObject({
      code: 'questdb-unauthorized',
      detail: `${strict.http} refuses writer with this password (HTTP 401).`,
    });
    wrong.close();
    const nobody = deliveryTo(strict.http, 'never');
    await expect(nobody.open()).rejects.toMatchObject({
      code: 'questdb-unauthorized',
      detail: `${strict.http} asks for a user name, and the address has none (HTTP 401).`,
    });
    nobody.close();
  });

  test('another service at the address is told as such', async () => {
    const other = http.createServer((_, response) => response.writeHead(404).end('<html>\n<p>no such page</html>'));
    other.listen(0, '127.0.0.1');
    await once(other, 'listening');
    const bound = other.address();
    const address = `http://127.0.0.1:${typeof bound === 'object' && bound !== null ? bound.port : 0}`;
    const delivery = deliveryTo(address, 'never');
    await expect(delivery.open()).rejects.toMatchObject({
      code: 'questdb-unreachable',
      detail: `${address} answers, but not as QuestDB does: HTTP 404, <html> <p>no such page</html>`,
    });
    delivery.close();
    other.close();
    other.closeAllConnections();
  });
});
