import type { Delivery } from '../../historian/questdb/delivery.ts';
import { eraseTopicStatements, tagsLeft, type TopicRows } from '../../historian/questdb/erase-rows.ts';
import type { Clock } from '../core/clock.ts';
import { Fault } from '../core/fault.ts';
import type { ErasedTags } from './erased-event.ts';
import type { ErasureTable, TopicErasure } from './erasure-table.ts';

/** Erasing goes on no longer than this, one order at least, before other positions are committed. */
const SWEEP_MS = 2000;

/** An order about one topic, as long as it matters to this member. */
export interface OpenErasure extends TopicErasure {
  readonly tags: ErasedTags;
  /** Rows that it means may be in the table. */
  owed: boolean;
  /** Not before this. */
  againMs: number;
  /** All records that it means have been read. */
  passed: boolean;
  /** When it is looked at for the last time. */
  lastMs: number;
}

/** An order, and what the table has of it. */
interface Found {
  readonly order: OpenErasure;
  readonly names: readonly string[];
  readonly rows: number;
}

/** What it needs. */
export interface SweepOptions {
  readonly delivery: Delivery;
  readonly table: ErasureTable;
  readonly clock: Pick<Clock, 'monotonicMs'>;
  /** What the server refuses is tried again after this. */
  readonly againMs: number;
  /** Told of what the server refuses. */
  readonly refused: (what: string) => void;
}

/** The hand of `Erasing`: removes from the table of samples what orders mean, few statements for many orders. */
export class ErasureSweep {
  private readonly options: SweepOptions;

  constructor(options: SweepOptions) {
    this.options = options;
  }

  /** Erases what was sent before the call, as far as the time reaches. Returns the orders of which nothing is left, with how many rows of each were erased. */
  async sweep(orders: readonly OpenErasure[]): Promise<readonly { order: OpenErasure; rows: number }[]> {
    const { clock, delivery } = this.options;
    if (orders.length === 0) return [];
    const endMs = clock.monotonicMs() + SWEEP_MS;
    await delivery.confirm();
    const found: Found[] = [];
    const swept: Found[] = [];
    const erase = async (): Promise<void> => void swept.push(...(await this.eraseFound(found.splice(0))));
    for (const order of inTurns(orders)) {
      if (found.length + swept.length > 0 && clock.monotonicMs() > endMs) break;
      // What another one erases is gone before it is counted.
      if (found.some((each) => each.names.length > 0 && meansSame(each.order, order))) await erase();
      found.push(await this.find(order));
    }
    await erase();
    return swept;
  }

  /** What the table still has of an order. */
  private async find(order: OpenErasure): Promise<Found> {
    const { connection, samplesTable } = this.options.table;
    const left = await tagsLeft(connection, samplesTable, rowsOf(order));
    const own = [...left].filter(([tag]) => order.tags.has(tag));
    return { order, names: own.map(([tag]) => tag), rows: own.reduce((sum, [, rows]) => sum + rows, 0) };
  }

  /** Has the server erase what was found. Returns that of which nothing is left. */
  private async eraseFound(found: readonly Found[]): Promise<readonly Found[]> {
    const { delivery, table, againMs, clock, refused } = this.options;
    const done: Found[] = [];
    for (const [topic, each] of Map.groupBy(found, ({ order }) => order.topic)) {
      const erasing = each.map(({ order, names }) => ({ rows: rowsOf(order), tags: names }));
      try {
        for (const statement of eraseTopicStatements(table.samplesTable, topic, erasing))
          await delivery.change(statement);
        done.push(...each);
      } catch (error) {
        if (!(error instanceof Fault) || error.code !== 'questdb-refused') throw error;
        for (const { order } of each) {
          order.owed = true;
          order.againMs = clock.monotonicMs() + againMs;
        }
        refused(`${each.length} of ${topic}, tried again: ${error.detail}`);
      }
    }
    if (done.some(({ names }) => names.length > 0)) {
      await delivery.confirm();
      delivery.renew();
    }
    return done;
  }
}

/** One of each topic, then the second of each: the orders of no site wait for all of another's. */
function inTurns(orders: readonly OpenErasure[]): OpenErasure[] {
  const byTopic = [...Map.groupBy(orders, ({ topic }) => topic).values()];
  const rounds = Math.max(0, ...byTopic.map(({ length }) => length));
  return Array.from({ length: rounds }, (_, i) => byTopic.flatMap((each) => each[i] ?? [])).flat();
}

function rowsOf({ topic, upTo: below, erasure: { fromUs, toUs } }: OpenErasure): TopicRows {
  return { topic, below, fromUs, toUs };
}

/** Whether two orders can be about the same rows. */
function meansSame(a: OpenErasure, b: OpenErasure): boolean {
  return a.topic === b.topic && a.erasure.fromUs < b.erasure.toUs && b.erasure.fromUs < a.erasure.toUs;
}
