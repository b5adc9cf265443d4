import { setTimeout as pause } from 'node:timers/promises';
import { zstdCompressSync, zstdDecompressSync } from 'node:zlib';
import kafkajs, { type Consumer, type KafkaConfig, type KafkaMessage } from 'kafkajs';
import { Fault, messageOf } from '../core/fault.ts';
import type { GroupMember, GroupPosition, GroupRecord, GroupTaker } from './group.ts';

const { CompressionCodecs, CompressionTypes, Kafka, logLevel } = kafkajs;

/** Types of the errors of a group that is not what it was when this member joined. */
const DIVIDED_ANEW = new Set([
  'REBALANCE_IN_PROGRESS',
  'ILLEGAL_GENERATION',
  'UNKNOWN_MEMBER_ID',
  'NOT_COORDINATOR_FOR_GROUP',
]);
/** What the client or the broker says, and what that mostly means. */
const HINTS: readonly (readonly [said: string, means: string])[] = [
  ['before secure TLS connection', ' Does this listener of the broker speak TLS (`kafka.tls`)?'],
  ['Connection timeout', ' A listener with TLS is silent to who does not speak it (`kafka.tls`).'],
  ['SASL', ' See `kafka.sasl`: the broker must have this mechanism, this user and this password.'],
];
/** Names of the errors of a broker that cannot be had. */
const UNREACHABLE = new Set(['KafkaJSConnectionError', 'KafkaJSConnectionClosedError', 'KafkaJSBrokerNotFound']);

// What gateways write is compressed with zstd, which kafkajs leaves to others.
CompressionCodecs[CompressionTypes.ZSTD] = () => ({
  compress: ({ buffer }: { buffer: Buffer }) => Promise.resolve(zstdCompressSync(buffer)),
  decompress: (buffer: Buffer) => Promise.resolve(zstdDecompressSync(buffer)),
});

/** How a member joins. */
export interface KafkaJsGroupOptions {
  readonly kafka: Pick<KafkaConfig, 'brokers' | 'ssl' | 'sasl' | 'clientId'>;
  readonly groupId: string;
  /** Those that exist are consumed; one that comes later is found within a minute. */
  readonly topics: readonly string[];
  readonly sessionTimeoutMs?: number;
  readonly lookAgainMs?: number;
  /** Told at each beginning which of the topics exist. */
  readonly onTopics?: (topics: readonly string[]) => void;
}

/** Where a group has come to in a partition, and the mark beside it. */
interface Committed {
  readonly offset: number;
  readonly mark: string | null;
}

/** After so long without a sign of life a member is put out of the group, and others take over what was its own. */
const SESSION_MS = 15_000;
/** Signs of life, by which a member also learns that the group is divided anew. */
const HEARTBEAT_MS = 1000;
/** A broker that has nothing new answers after so long. Meanwhile the client gives no sign of life and does not stop: of itself it would wait for 5 s. */
const FETCH_WAIT_MS = 500;
const METADATA_MS = 10_000;
const LOOK_AGAIN_MS = 60_000;

/** A member by kafkajs: our own client (`sync/kafka`) has no groups. */
export class KafkaJsGroup implements GroupMember {
  private readonly options: KafkaJsGroupOptions;
  private readonly client: InstanceType<typeof Kafka>;
  private consumer: Consumer | undefined;
  /** By partition, where the group had come to when this member joined. */
  private begun: Promise<ReadonlyMap<string, Committed>> = Promise.resolve(new Map());

  constructor(options: KafkaJsGroupOptions) {
    this.options = options;
    this.client = new Kafka({
      clientId: 'millrace-hub',
      ...options.kafka,
      logLevel: logLevel.NOTHING,
      retry: { retries: 5 },
    });
  }

  async run(taker: GroupTaker, signal: AbortSignal): Promise<void> {
    const topics = await this.existing().catch((error: unknown) => {
      throw faultOf(error);
    });
    this.options.onTopics?.(topics);
    const ended = Promise.withResolvers<void>();
    const consumer = this.newConsumer(taker, (error) => ended.reject(error));
    this.consumer = consumer;
    const stop = (): void => ended.resolve();
    signal.addEventListener('abort', stop);
    const life = new AbortController();
    try {
      await consumer.connect();
      if (topics.length === 0) taker.assigned([]);
      else await this.consume(consumer, topics, taker, (error) => ended.reject(error));
      const changed = this.changed(topics, AbortSignal.any([signal, life.signal]));
      // A new topic asks for a new subscription: it ends well, and whoever runs it runs it again.
      if (!signal.aborted) await Promise.race([ended.promise, changed]);
    } catch (error) {
      throw faultOf(error);
    } finally {
      signal.removeEventListener('abort', stop);
      life.abort();
      ended.promise.catch(() => undefined); // told by the race
      this.consumer = undefined;
      await consumer.disconnect();
    }
  }

  async commit(positions: readonly GroupPosition[], mark: string): Promise<boolean> {
    const { consumer } = this;
    if (consumer === undefined) throw new Error('no longer a member of the group');
    try {
      await consumer.commitOffsets(
        positions.map(({ topic, partition, next }) => ({ topic, partition, offset: String(next), metadata: mark })),
      );
      return true;
    } catch (error) {
      // The client joins again by itself, by its next heartbeat.
      if (isDividedAnew(error)) return false;
      throw faultOf(error);
    }
  }

  private newConsumer(taker: GroupTaker, fail: (error: Error) => void): Consumer {
    const { groupId, sessionTimeoutMs = SESSION_MS } = this.options;
    const consumer = this.client.consumer({
      groupId,
      sessionTimeout: sessionTimeoutMs,
      heartbeatInterval: HEARTBEAT_MS,
      maxWaitTimeInMs: FETCH_WAIT_MS,
      allowAutoTopicCreation: false,
      // Partitions whose leader was not known, as after a restart of a broker, are not fetched before the next look.
      metadataMaxAge: METADATA_MS,
      // A batch is taken as a whole: this bounds what is in memory.
      maxBytes: 8 * 1024 * 1024,
      retry: { retries: 5, restartOnFailure: () => Promise.resolve(false) },
    });
    consumer.on(consumer.events.CRASH, ({ payload }) => fail(payload.error));
    consumer.on(consumer.events.GROUP_JOIN, ({ payload }) => {
      const partitions = Object.entries(payload.memberAssignment).flatMap(([topic, numbers]) =>
        numbers.map((partition) => ({ topic, partition })),
      );
      const before = this.begun;
      const found = this.fetchCommitted([...new Set(partitions.map(({ topic }) => topic))]);
      this.begun = Promise.all([before, found]).then(([known, now]) => new Map([...known, ...now]));
      this.begun.catch(fail);
      taker.assigned(partitions);
    });
    return consumer;
  }

  private async consume(
    consumer: Consumer,
    topics: string[],
    taker: GroupTaker,
    fail: (error: Error) => void,
  ): Promise<void> {
    // Before the client looks for itself: where what was committed is there no more, it forgets what that was.
    this.begun = this.fetchCommitted(topics);
    await this.begun;
    await consumer.subscribe({ topics, fromBeginning: true });
    await consumer.run({
      autoCommit: false,
      eachBatchAutoResolve: false,
      eachBatch: async (payload) => {
        // Left out is not committed: it comes again.
        if (!payload.isRunning() || payload.isStale()) return;
        const { topic, partition, messages, highWatermark } = payload.batch;
        try {
          const records = messages.map(recordOf);
          const begun = (await this.begun).get(`${topic} ${partition}`);
          const { offset: committed, mark } = begun ?? { offset: null, mark: null };
          const batch = { topic, partition, records, committed, mark, end: Number(highWatermark) };
          const rest = await taker.take(batch, () => payload.heartbeat());
          if (rest === undefined) return payload.resolveOffset(payload.batch.lastOffset());
          if (rest.next > Number(payload.batch.firstOffset())) payload.resolveOffset(String(rest.next - 1));
          const resume = payload.pause();
          void rest.room.then(resume);
        } catch (error) {
          // Told by a heartbeat: the client joins again, and what was not committed comes again.
          if (!isDividedAnew(error)) fail(error instanceof Error ? error : new Error(String(error)));
          throw error;
        }
      },
    });
  }

  async committed(topics: readonly string[]): Promise<ReadonlyMap<string, number>> {
    try {
      const found = await this.fetchCommitted([...topics]);
      return new Map([...found].map(([name, { offset }]) => [name, offset]));
    } catch (error) {
      throw faultOf(error);
    }
  }

  private async fetchCommitted(topics: string[]): Promise<ReadonlyMap<string, Committed>> {
    if (topics.length === 0) return new Map();
    const admin = this.client.admin();
    try {
      await admin.connect();
      const found = await admin.fetchOffsets({ groupId: this.options.groupId, topics });
      const places = found.flatMap(({ topic, partitions }) =>
        partitions.map(({ partition, offset, metadata: mark }) => {
          return [`${topic} ${partition}`, { offset: Number(offset), mark }] as const;
        }),
      );
      // Below 0: the group was never there.
      return new Map(places.filter(([, { offset }]) => offset >= 0));
    } finally {
      await admin.disconnect();
    }
  }

  private async existing(): Promise<string[]> {
    const admin = this.client.admin();
    try {
      await admin.connect();
      const there = new Set(await admin.listTopics());
      return this.options.topics.filter((topic) => there.has(topic));
    } finally {
      await admin.disconnect();
    }
  }

  /** Resolves when other topics exist than these. */
  private async changed(topics: readonly string[], signal: AbortSignal): Promise<void> {
    const { lookAgainMs = LOOK_AGAIN_MS } = this.options;
    for (;;) {
      await pause(lookAgainMs, undefined, { signal }).catch(() => undefined); // aborted: it ends
      if (signal.aborted) return;
      if ((await this.existing()).join() !== topics.join()) return;
    }
  }
}

/** What lies at the bottom of an error: the client wraps what it has tried again. */
function causesOf(error: unknown): Error[] {
  return error instanceof Error ? [error, ...causesOf(error.cause)] : [];
}

function isDividedAnew(error: unknown): boolean {
  return causesOf(error).some((cause) => 'type' in cause && DIVIDED_ANEW.has(String(cause.type)));
}

/** An error of the client as a fault: `kafka-unreachable`, or `kafka-refused` with what the broker says. */
function faultOf(error: unknown): Fault {
  if (error instanceof Fault) return error;
  const isAway = causesOf(error).some(({ name }) => UNREACHABLE.has(name));
  const said = messageOf(error).replace(/\.?$/, '.');
  const hint = HINTS.find(([part]) => said.includes(part))?.[1] ?? '';
  return new Fault(isAway ? 'kafka-unreachable' : 'kafka-refused', `${said}${hint}`, { cause: error });
}

function recordOf({ offset, timestamp, key, value, headers }: KafkaMessage): GroupRecord {
  return {
    offset: Number(offset),
    timestampMs: Number(timestamp),
    key,
    value,
    isGap: headers?.['gap'] !== undefined,
  };
}
