import kafkajs from 'kafkajs';
import { double, T0 } from '../../historian/kit/history-kit.ts';
import { Delivery } from '../../historian/questdb/delivery.ts';
import { QuestdbHttp } from '../../historian/questdb/http.ts';
import type { ServerAddress } from '../../historian/questdb/questdb-kit.ts';
import { QuestdbHistory } from '../../historian/questdb/reader.ts';
import { tableNames } from '../../historian/questdb/table.ts';
import { waitFor } from '../../test/services/wait.ts';
import { ByteWriter } from '../core/byte-writer.ts';
import { systemClock } from '../core/clock.ts';
import type { Fault } from '../core/fault.ts';
import { writeSample } from '../core/sample-codec.ts';
import { ErasureTable } from './erasure-table.ts';
import { Hub, type HubOptions } from './hub.ts';
import { KafkaJsGroup, type KafkaJsGroupOptions } from './kafkajs-group.ts';
import { SiteTopics } from './site-topics.ts';

/** Sites of the tests. */
export const SITES = ['north', 'south', 'east'];
let runs = 0;

interface KafkaRecord {
  readonly key: Buffer | null;
  readonly value: Buffer | null;
  readonly timestamp?: string;
  readonly headers?: Record<string, string>;
}

/** A sample as a record of Kafka. */
export function record(tag: string, second: number): KafkaRecord {
  const out = new ByteWriter();
  writeSample(out, double(tag, second, second).sample);
  return { key: Buffer.from(tag), value: Buffer.from(out.take()), timestamp: String(Date.now()) };
}

/** What a gateway is told to erase, times in seconds as of `record`. */
interface Order {
  readonly tags: readonly string[];
  readonly prefix?: boolean;
  readonly from?: number;
  readonly to?: number;
  readonly upTo: Readonly<Record<string, number>>;
}

let orders = 0;

/** An order to erase as the event that a gateway makes of it (FORMAT.md, "Topics", Erasure). */
export function erased({ from = 0, to = 1e9, prefix = false, ...order }: Order): KafkaRecord {
  const id = `order${orders++}`;
  const span = { fromUs: T0 + from * 1_000_000, toUs: T0 + to * 1_000_000 };
  const who = { by: 'eve', reason: 'names of "persons"\n\\ and \u0000' };
  const event = { v: 1, at: T0, type: 'erased', id, ...who, ...order, prefix, ...span, samples: 1 };
  return { key: Buffer.from(`erasure/${id}`), value: Buffer.from(JSON.stringify(event)) };
}

/** Whole numbers. */
export const numbers = (from: number, to: number): number[] => Array.from({ length: to - from }, (_, i) => from + i);

/** For tests: mirrored topics of three sites, a table, and the hubs between them. */
export class HubWorld implements AsyncDisposable {
  readonly run = runs++;
  readonly names = tableNames(`hub_${this.run}`);
  readonly reported: Fault[] = [];
  readonly noted: object[] = [];
  readonly client: InstanceType<typeof kafkajs.Kafka>;
  readonly db: QuestdbHttp;
  readonly history: QuestdbHistory;
  readonly admin: ReturnType<InstanceType<typeof kafkajs.Kafka>['admin']>;
  private readonly producer;
  private readonly kafka: { readonly brokers: string };
  private readonly server: ServerAddress;
  private readonly hubs: { readonly hub: Hub; readonly life: AbortController; readonly running: Promise<void> }[] = [];

  constructor(kafka: { readonly brokers: string }, server: ServerAddress) {
    this.kafka = kafka;
    this.server = server;
    this.client = new kafkajs.Kafka({ brokers: [kafka.brokers], logLevel: kafkajs.logLevel.NOTHING });
    this.admin = this.client.admin();
    this.producer = this.client.producer();
    this.db = new QuestdbHttp({ http: server.http });
    const { http, pg, password } = server;
    this.history = new QuestdbHistory({ http, pg, password, table: this.names.samples, topics: this.topics.names });
  }

  get topics(): SiteTopics {
    return new SiteTopics(SITES.map((site) => ({ site, prefix: `${site}${this.run}.` })));
  }

  topic(site: string, topic = 'samples'): string {
    return `${site}${this.run}.${topic}`;
  }

  async open(): Promise<this> {
    await Promise.all([this.producer.connect(), this.admin.connect()]);
    await this.create(...SITES.flatMap((site) => [this.topic(site), this.topic(site, 'events')]));
    return this;
  }

  /** Makes topics, and waits until they can be written to. */
  async create(...names: string[]): Promise<void> {
    await this.admin.createTopics({ topics: names.map((topic) => ({ topic })), waitForLeaders: false });
    await waitFor('the leaders of the topics', async () => {
      const { topics } = await this.admin.fetchTopicMetadata({ topics: names });
      return topics.every(({ partitions }) => partitions.length > 0 && partitions.every(({ leader }) => leader >= 0));
    });
  }

  async send(site: string, records: readonly KafkaRecord[], topic = 'samples'): Promise<void> {
    await this.producer.send({
      topic: this.topic(site, topic),
      messages: [...records],
      compression: kafkajs.CompressionTypes.ZSTD,
    });
  }

  member(more: Partial<KafkaJsGroupOptions> = {}): KafkaJsGroup {
    return new KafkaJsGroup({
      kafka: { brokers: [this.kafka.brokers] },
      groupId: `hub-${this.run}`,
      topics: this.topics.names,
      // Members of the tests leave by themselves: a machine that stands still for a while puts none of them out.
      sessionTimeoutMs: 30_000,
      ...more,
    });
  }

  erasures(): ErasureTable {
    return new ErasureTable({ http: this.server.http }, this.names.samples, (fault) => this.reported.push(fault));
  }

  delivery(): Delivery {
    return new Delivery({
      address: { http: this.server.http },
      names: this.names,
      epoch: 0,
      clock: systemClock(),
      report: (fault) => this.reported.push(fault),
    });
  }

  start(more: Partial<HubOptions> = {}): Hub {
    const hub = new Hub({
      member: () => Promise.resolve(this.member()),
      delivery: () => Promise.resolve(this.delivery()),
      erasures: () => Promise.resolve(this.erasures()),
      settleMs: () => Promise.resolve(0),
      topics: this.topics,
      clock: systemClock(),
      report: (fault) => this.reported.push(fault),
      note: (members) => void this.noted.push(members),
      longestPauseMs: 1000,
      ...more,
    });
    const life = new AbortController();
    this.hubs.push({ hub, life, running: hub.run(life.signal) });
    return hub;
  }

  async stop(hub: Hub): Promise<void> {
    const started = this.hubs.find((each) => each.hub === hub);
    started?.life.abort();
    await started?.running;
  }

  /** The values of a tag that are in the table, in the order of their offsets. */
  async values(tag: string): Promise<unknown[]> {
    const { rows } = await this.db.exec(
      `SELECT value FROM ${this.names.samples} WHERE tag = '${tag}' AND kind >= 0 ORDER BY topic, "offset"`,
    );
    return rows.flat();
  }

  async count(): Promise<number> {
    const { rows } = await this.db.exec(`SELECT count() FROM ${this.names.samples}`);
    return Number(rows[0]?.[0]);
  }

  /** What the group has committed, over all topics of this name. */
  async committed(name = 'samples'): Promise<number> {
    const offsets = await this.admin.fetchOffsets({
      groupId: `hub-${this.run}`,
      topics: SITES.map((site) => this.topic(site, name)),
    });
    const places = offsets.flatMap(({ partitions }) => partitions.map(({ offset }) => Math.max(0, Number(offset))));
    return places.reduce((sum, offset) => sum + offset, 0);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(this.hubs.map(({ hub }) => this.stop(hub)));
    await Promise.all([this.producer.disconnect(), this.admin.disconnect()]);
    await this.history.close();
    this.db.close();
  }
}
