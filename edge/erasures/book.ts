import { z } from 'zod';
import type { Disk } from '../core/disk.ts';
import { Fault, messageOf } from '../core/fault.ts';
import { StateFile } from '../core/progress/state-file.ts';

/** Orders on record. Beyond it those that are done are forgotten, the oldest first (the log has them in `audit` and `events`); without such a one the next order is refused. */
export const MAX_ORDERS = 1000;

const orderSchema = z.object({
  id: z.string(),
  /** When it was given, µs. */
  atUs: z.number(),
  by: z.string(),
  reason: z.string(),
  /** As they were asked for. */
  tags: z.array(z.string()),
  prefix: z.boolean(),
  fromUs: z.number(),
  toUs: z.number(),
  /** Tags that it is about, and samples of them that the historian had. */
  tagCount: z.int().nonnegative(),
  samples: z.int().nonnegative(),
  /** By topic: only records below this log offset. */
  upTo: z.record(z.string(), z.int().nonnegative()),
  /** Log offset of its event; null: it is not on record there yet. */
  event: z.int().nonnegative().nullable(),
  /** Of the event that it is done everywhere. */
  doneEvent: z.int().nonnegative().nullable().default(null),
  /** Where it is to be done, and when it was, µs; null: not yet. */
  places: z.array(z.object({ name: z.string(), doneUs: z.number().nullable() })),
  /** Files of the historian that could not be opened, and may still hold something of it. */
  unopened: z.array(z.string()).default([]),
  /** Parts of the log's segments that could not be read, and may still hold something of it. */
  unread: z.array(z.string()).default([]),
});
const schema = z.object({ v: z.literal(1), orders: z.array(orderSchema) });

/** An erasure as it stands on record, until it is done everywhere and longer. */
export type ErasureRecord = z.output<typeof orderSchema>;

const REMEDY =
  'Move it away: erasures that were not done everywhere are then not gone on with; `millrace log dump audit` shows all that were ordered.';

/** Orders to erase, on record before anything is done: what was begun is gone on with after a crash, and what a tier that is not there could not do. One file, replaced as a whole. */
export class ErasureBook {
  private readonly file: StateFile;
  private records: readonly ErasureRecord[] = [];

  /** `file`: `data/erasures.json`. */
  constructor(disk: Disk, file: string) {
    this.file = new StateFile({ disk, file, consumer: 'erasures', remedy: REMEDY });
  }

  /** Reads it, where there is one. Throws `state-damaged`. */
  open(): void {
    const content = this.file.read();
    if (content === undefined) return;
    try {
      this.records = schema.parse(content).orders;
    } catch (error) {
      throw this.file.damaged(`is no list of erasures: ${messageOf(error)}`, error);
    }
  }

  /** The oldest first. */
  get orders(): readonly ErasureRecord[] {
    return this.records;
  }

  find(id: string): ErasureRecord | undefined {
    return this.records.find((record) => record.id === id);
  }

  /** Takes an order on record; durable when this returns. Throws `erase-refused`, `file-unwritable`. */
  add(record: ErasureRecord): void {
    const excess = this.records.length + 1 - MAX_ORDERS;
    const forgotten = new Set(excess > 0 ? this.records.filter(isDone).slice(0, excess) : []);
    if (forgotten.size < excess)
      throw new Fault('erase-refused', `${MAX_ORDERS} erasures are on record that are not done everywhere.`);
    this.write([...this.records.filter((each) => !forgotten.has(each)), record]);
  }

  /** Changes what stands of an order. Throws `file-unwritable`. */
  change(
    id: string,
    change: Partial<Pick<ErasureRecord, 'event' | 'doneEvent' | 'places' | 'unopened' | 'unread'>>,
  ): void {
    this.write(this.records.map((record) => (record.id === id ? { ...record, ...change } : record)));
  }

  /** Notes that an order is done in a place. Throws `file-unwritable`. */
  done(id: string, place: string, atUs: number): void {
    const places = this.find(id)?.places ?? [];
    this.change(id, { places: places.map((each) => (each.name === place ? { ...each, doneUs: atUs } : each)) });
  }

  private write(orders: readonly ErasureRecord[]): void {
    try {
      this.file.write({ v: 1, orders });
    } catch (error) {
      if (error instanceof Fault) throw error;
      throw new Fault('file-unwritable', `What is erased cannot be put on record: ${messageOf(error)}`, {
        cause: error,
      });
    }
    this.records = orders;
  }
}

/** Whether an order is done everywhere and told. */
export function isDone({ places, event }: ErasureRecord): boolean {
  return event !== null && places.every(({ doneUs }) => doneUs !== null);
}
