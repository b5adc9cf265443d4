import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { double } from '../../historian/kit/history-kit.ts';
import { Delivery } from '../../historian/questdb/delivery.ts';
import { QuestdbHttp } from '../../historian/questdb/http.ts';
import { tableNames } from '../../historian/questdb/table.ts';
import { startQuestdb, type Questdb } from '../../test/services/questdb.ts';
import { requireService } from '../../test/services/require.ts';
import { shared } from '../../test/services/shared.ts';
import { systemClock } from '../core/clock.ts';
import { ErasureTable } from './erasure-table.ts';
import { Erasing, type ErasingCounts } from './erasing.ts';
import { erased, numbers } from './hub-kit.ts';
import { SiteTopics } from './site-topics.ts';

const services = requireService('questdb');
const SAMPLES = 'north.samples';
const TAG = Buffer.from('north/a');

let tables = 0;

const nextTable = (): string => `steps_${tables++}`;
const report = (fault: Error): never => expect.fail(fault.message);

/** What a member of the group has to do with erasures and the table, each step by hand. */
class Member implements AsyncDisposable {
  readonly counts: ErasingCounts = { erasures: 0, erasuresRefused: 0, erasedRows: 0 };
  readonly delivery: Delivery;
  readonly erasing: Erasing;
  private readonly table: ErasureTable;
  private nowMs = 0;

  constructor({ http }: Questdb, name: string) {
    const clock = { monotonicMs: () => this.nowMs };
    const names = tableNames(name);
    this.delivery = new Delivery({ address: { http }, names, epoch: 0, clock: systemClock(), report });
    this.table = new ErasureTable({ http }, name, report);
    const topics = new SiteTopics([{ site: 'north', prefix: 'north.' }]);
    const { delivery, table, counts } = this;
    this.erasing = new Erasing({ delivery, table, topics, clock, counts, againMs: 0, report, note: () => undefined });
  }

  async open(): Promise<this> {
    await this.delivery.open();
    await this.table.open();
    return this;
  }

  /** Sends samples whose offsets are these, as far as it does not know that they are erased. */
  send(from: number, to: number): void {
    const number = this.delivery.topic(SAMPLES);
    const series = this.delivery.series.idOf(number, TAG, 0, TAG.length);
    for (let i = from; i < to; i++) {
      const { sample } = double('north/a', i, i);
      if (!this.erasing.isErased(series, SAMPLES, sample.timeUs, i))
        this.delivery.add(series, sample.timeUs, i, sample, Number.NaN);
    }
  }

  /** An order to erase offsets 0 to 9, and how far that is done. */
  order(): void {
    const { key, value } = erased({ tags: ['north/a'], upTo: { samples: 10 } });
    this.erasing.take('north.events', { offset: 0, timestampMs: 1000, key, value, isGap: false });
  }

  /** Before it commits: it has read as far as this. Returns what it may not commit. */
  async beforeCommit(next?: number): Promise<string[]> {
    await this.delivery.confirm();
    return this.carryOut(next);
  }

  async carryOut(next?: number): Promise<string[]> {
    const places = new Map(next === undefined ? [] : [[SAMPLES, next]]);
    return [...(await this.erasing.carryOut(places, () => Promise.resolve(new Map())))];
  }

  passes(ms: number): void {
    this.nowMs += ms;
  }

  [Symbol.asyncDispose](): Promise<void> {
    this.delivery.close();
    this.table.close();
    return Promise.resolve();
  }
}

describe.skipIf(!services.available)('erasures and the members of a group, step by step', () => {
  const server = shared(() => startQuestdb());
  let db: QuestdbHttp;
  beforeAll(() => {
    db = new QuestdbHttp({ http: server().http });
  });
  afterAll(() => db.close());

  async function values(name: string): Promise<unknown[]> {
    const { rows } = await db.exec(`SELECT value FROM ${name} WHERE kind >= 0 ORDER BY "offset"`);
    return rows.flat();
  }

  test('what a member has sent before the order could be seen is erased by whoever carries it out', async () => {
    const name = nextTable();
    await using reader = await new Member(server(), name).open();
    await using carrier = await new Member(server(), name).open();
    await reader.erasing.meet(SAMPLES, 0);
    reader.send(0, 5);
    expect(await reader.beforeCommit(5)).toEqual([]);
    carrier.order();
    expect(await carrier.beforeCommit()).toEqual([]);
    expect(carrier.counts).toEqual({ erasures: 1, erasuresRefused: 0, erasedRows: 5 });
    expect(await values(name)).toEqual([]);
  });

  test('what a member has sent before it knew is erased by itself, before it commits; what comes then is not sent', async () => {
    const name = nextTable();
    await using reader = await new Member(server(), name).open();
    await using carrier = await new Member(server(), name).open();
    await reader.erasing.meet(SAMPLES, 0);
    reader.send(0, 5);
    carrier.order();
    await carrier.beforeCommit();
    expect(carrier.counts).toMatchObject({ erasures: 1, erasedRows: 0 });
    expect(await reader.beforeCommit(5)).toEqual([]);
    expect(reader.counts).toMatchObject({ erasedRows: 5 });
    reader.send(5, 15);
    expect(await reader.beforeCommit(15)).toEqual([]);
    expect(await values(name)).toEqual(numbers(10, 15));
    expect(reader.delivery.rows).toBe(10);
  });

  test('what is still on its way when an order becomes known is erased too', async () => {
    const name = nextTable();
    await using reader = await new Member(server(), name).open();
    await using carrier = await new Member(server(), name).open();
    await reader.erasing.meet(SAMPLES, 0);
    carrier.order();
    await carrier.beforeCommit();
    reader.send(0, 5);
    expect(await reader.carryOut()).toEqual([]);
    await reader.delivery.confirm();
    expect(await values(name)).toEqual([]);
    // So is what its own order means.
    await using both = await new Member(server(), nextTable()).open();
    await both.erasing.meet(SAMPLES, 0);
    both.send(0, 5);
    both.order();
    expect(await both.carryOut()).toEqual([]);
    expect(both.counts).toEqual({ erasures: 1, erasuresRefused: 0, erasedRows: 5 });
  });

  test('what a member has sent without knowing, and was killed, is erased by whoever has its partition then, before the last of it is committed', async () => {
    const name = nextTable();
    await using carrier = await new Member(server(), name).open();
    carrier.order();
    await carrier.beforeCommit();
    await using killed = await new Member(server(), name).open();
    await using heir = await new Member(server(), name).open();
    await heir.erasing.meet(SAMPLES, 0);
    heir.send(0, 8);
    await heir.beforeCommit(8);
    killed.send(0, 12);
    await killed.delivery.confirm();
    heir.send(8, 12);
    expect(await heir.beforeCommit(12)).toEqual([]);
    expect(await values(name)).toEqual([10, 11]);
    // Its last requests were on their way for long.
    killed.send(0, 3);
    await killed.delivery.confirm();
    heir.passes(59_000);
    await heir.beforeCommit(12);
    expect(await values(name)).toEqual([0, 1, 2, 10, 11]);
    heir.passes(2000);
    await heir.beforeCommit(12);
    expect(await values(name)).toEqual([10, 11]);
  });

  test('what a member has sent of a partition that it has no more is erased by itself', async () => {
    const name = nextTable();
    await using reader = await new Member(server(), name).open();
    await using carrier = await new Member(server(), name).open();
    await reader.erasing.meet(SAMPLES, 0);
    reader.send(0, 5);
    reader.erasing.assigned(new Set());
    carrier.order();
    await carrier.beforeCommit();
    await reader.beforeCommit();
    expect([reader.counts.erasedRows, await values(name)]).toEqual([5, []]);
    // It has forgotten the partition, and asks when it has it again.
    expect(reader.delivery.rows).toBe(5);
    await reader.erasing.meet(SAMPLES, 0);
    reader.send(0, 12);
    await reader.beforeCommit(12);
    expect(await values(name)).toEqual([10, 11]);
    expect(reader.delivery.rows).toBe(7);
  });

  test('a partition that begins again before what was passed is filtered again', async () => {
    const name = nextTable();
    await using member = await new Member(server(), name).open();
    member.order();
    await member.beforeCommit();
    await member.erasing.meet(SAMPLES, 0);
    member.send(0, 12);
    await member.beforeCommit(12);
    member.passes(60_000);
    await member.beforeCommit(12);
    await member.erasing.meet(SAMPLES, 4);
    member.send(4, 12);
    expect(await member.beforeCommit(12)).toEqual([]);
    expect(member.delivery.rows).toBe(4);
    expect(await values(name)).toEqual([10, 11]);
  });
});
