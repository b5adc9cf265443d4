import { setTimeout as pause } from 'node:timers/promises';
import { AnswerTooLarge, QuestdbHttp, type QuestdbAddress, quoted } from '../../historian/questdb/http.ts';
import { APPLY_POLL_MS, END_TIME_US, GROWTH_LIMIT_MS } from '../../historian/questdb/limits.ts';
import {
  type ColumnForm,
  prepareTable,
  resumeIfSafe,
  suspended,
  walState,
  type WalState,
} from '../../historian/questdb/table.ts';
import { Fault } from '../core/fault.ts';
import { checkedErasure, type SiteErasure } from './erased-event.ts';

/**
 * Orders of the sites to erase, a row for each topic of samples that one is about. `ts` is when its event came into the gateway's log, `topic` the mirrored topic whose records below `up_to` are
 * meant, `offset` the place of the event in the site's `events`: the keys, so that an order that is written down again is one row. `erasure` is the order, as JSON.
 */
const COLUMNS: readonly ColumnForm[] = [
  { name: 'ts', type: 'TIMESTAMP', key: true },
  { name: 'topic', type: 'SYMBOL', declared: 'SYMBOL CAPACITY 256 CACHE', key: true },
  { name: 'offset', type: 'LONG', key: true },
  { name: 'up_to', type: 'LONG' },
  { name: 'erasure', type: 'VARCHAR' },
];

/** An order as far as it is about one topic. */
export interface TopicErasure {
  /** As it is mirrored, such as `northmill.samples`. */
  readonly topic: string;
  /** Records below this offset. */
  readonly upTo: number;
  /** Of its event in the `events` of the site, and when that came in. */
  readonly offset: number;
  readonly timestampMs: number;
  readonly erasure: SiteErasure;
}

/**
 * The table beside that of the samples in which the hubs of a group keep what is to be erased: each of them can have the samples that an order means, whichever of them has read the order. It is
 * never cleared: samples that are read from Kafka once more, years later, stay erased.
 */
export class ErasureTable {
  private readonly db: QuestdbHttp;
  private readonly samples: string;
  private readonly table: string;
  private readonly report: (fault: Fault) => void;

  /** `samples`: name of the table of samples. Told of rows that make no sense, which are passed over. */
  constructor(address: QuestdbAddress, samples: string, report: (fault: Fault) => void) {
    this.db = new QuestdbHttp(address);
    this.samples = samples;
    this.table = `${samples}_erasures`;
    this.report = report;
  }

  /** Makes the table, or checks it. Throws `questdb-table-unfit`, `questdb-suspended`, `questdb-unreachable`. */
  async open(): Promise<void> {
    await prepareTable(this.db, this.table, COLUMNS, 'YEAR');
    await resumeIfSafe(this.db, this.table, await walState(this.db, this.table));
    // A connection that was there before a table was made loses its first rows.
    this.db.close();
  }

  close(): void {
    this.db.close();
  }

  /** For questions about the samples. */
  get connection(): QuestdbHttp {
    return this.db;
  }

  /** Name of the table of samples. */
  get samplesTable(): string {
    return this.samples;
  }

  /** How far it is applied: whatever comes into it changes that. Throws `questdb-suspended`. */
  async state(): Promise<WalState> {
    const state = await walState(this.db, this.table);
    if (state.suspended) throw suspended(this.table, state);
    return state;
  }

  /** Writes orders down. Resolves when everybody can see them. */
  async put(orders: readonly TopicErasure[]): Promise<void> {
    if (orders.length === 0) return;
    const lines = orders.map(({ topic, upTo, offset, timestampMs, erasure }) => {
      const text = JSON.stringify(erasure).replaceAll(/["\\]/g, String.raw`\$&`);
      return `${this.table},topic=${topic} offset=${offset}i,up_to=${upTo}i,erasure="${text}" ${timeOf(timestampMs)}\n`;
    });
    const refusal = await this.db.write(Buffer.from(lines.join('')));
    if (refusal !== undefined)
      throw new Fault('questdb-refused', `${this.table}: ${refusal.message} (HTTP ${refusal.status})`);
    for (const order of orders) await this.seen(order);
  }

  /** Orders about records of a topic at or behind an offset. */
  async ofTopic(topic: string, position: number): Promise<TopicErasure[]> {
    const sql = `SELECT "offset", up_to, ts::long, erasure FROM ${this.table} WHERE topic = ${quoted(topic)} AND up_to > ${position}`;
    const { rows } = await this.db.exec(sql).catch((error: unknown) => {
      if (!(error instanceof AnswerTooLarge)) throw error;
      throw new Fault('questdb-table-unfit', `${this.table} has more about ${topic} than it can have.`);
    });
    return rows.flatMap(([offset, upTo, timeUs, text]) => {
      const erasure = this.parsed(topic, offset, text);
      const timestampMs = Number(timeUs) / 1000;
      return erasure === undefined ? [] : [{ topic, upTo: Number(upTo), offset: Number(offset), timestampMs, erasure }];
    });
  }

  /** By topic the greatest offset below which something is to be erased. */
  async tops(): Promise<ReadonlyMap<string, number>> {
    const { rows } = await this.db.exec(`SELECT topic, max(up_to) FROM ${this.table}`);
    return new Map(rows.map(([topic, upTo]) => [String(topic), Number(upTo)]));
  }

  /** How many orders about a topic there are, and their bytes; of those about records at or behind an offset. */
  async load(topic: string, position: number): Promise<{ orders: number; bytes: number }> {
    const { rows } = await this.db.exec(
      `SELECT count(), sum(length_bytes(erasure)) FROM ${this.table} WHERE topic = ${quoted(topic)} AND up_to > ${position}`,
    );
    return { orders: Number(rows[0]?.[0] ?? 0), bytes: Number(rows[0]?.[1] ?? 0) };
  }

  private async seen({ topic, offset, timestampMs }: TopicErasure): Promise<void> {
    const sql = `SELECT count() FROM ${this.table} WHERE ts = ${timeOf(timestampMs)} AND topic = ${quoted(topic)} AND "offset" = ${offset}`;
    for (const endMs = performance.now() + GROWTH_LIMIT_MS; ; await pause(APPLY_POLL_MS)) {
      const { rows } = await this.db.exec(sql);
      if (Number(rows[0]?.[0]) > 0) return;
      await this.state();
      if (performance.now() > endMs)
        throw new Fault('questdb-rows-lost', `${this.table}: an erasure was acknowledged and is not there.`);
    }
  }

  private parsed(topic: string, offset: unknown, text: unknown): SiteErasure | undefined {
    try {
      return checkedErasure(JSON.parse(String(text)));
    } catch (error) {
      const why = error instanceof Fault ? error.detail : 'it is no JSON';
      const fault = `${this.table}, the order at ${String(offset)} about ${topic}: ${why}.`;
      this.report(new Fault('hub-erasure-refused', fault, { cause: error }));
      return undefined;
    }
  }
}

/** A time that the table can have, µs: whoever writes a record names any. */
function timeOf(timestampMs: number): number {
  return Math.min(Math.max(Math.floor(timestampMs * 1000), 0), END_TIME_US);
}
