import { randomUUID } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import { Fault } from '../../core/fault.ts';
import { parseAddress, tcp } from '../../../sync/kafka/address.ts';
import { produce } from '../../../sync/kafka/apis/produce.ts';
import { KafkaClient } from '../../../sync/kafka/client.ts';
import { Connection } from '../../../sync/kafka/connection.ts';
import { type Answer, type KafkaError, kafkaError } from '../../../sync/kafka/errors.ts';
import { version } from '../../version.ts';
import { SampleBatches } from '../sample-batches.ts';
import { drive } from './driver.ts';
import type { Load, LoadResult, LogSystem } from './system.ts';

/** Batches without an acknowledgement: as many as Kafka's own client sends (`max.in.flight.requests.per.connection`). */
const IN_FLIGHT = 5;
/** Batches that are made beforehand and sent again and again. */
const PREPARED = 64;
const CALL_MS = 60_000;
/** A new topic has no leader for a moment. */
const LOOK_EVERY_MS = 20;
const CLIENT = { clientId: 'millrace-bench', softwareVersion: version };

/** How a broker is told when to sync, and what that makes of its acknowledgement. */
const MODES = [
  {
    name: 'kafka-flush',
    promises: 'synced to the disk (acks=all, flush.messages=1)',
    configs: { 'flush.messages': '1' },
  },
  { name: 'kafka', promises: 'in the page cache; nothing is synced (acks=all, no forced flush)', configs: {} },
];

/**
 * A Kafka broker that the user has (`host:port`), with a topic of its own for each load, which is deleted again. One producer sends prepared batches over a bare connection to the leader, so that
 * its client does not hold it back: it encodes nothing while it is measured.
 */
export function kafka(broker: string): LogSystem[] {
  const brokers = [parseAddress(broker)];
  return MODES.map(({ name, promises, configs }) => {
    let warm = false;
    return {
      name,
      promises,
      async load(load, { signal }) {
        using client = new KafkaClient({ brokers, ...CLIENT });
        return await withTopic(client, configs, signal, async (topic) => {
          const batches = prepared(load.batch);
          const leader = await connectToLeader(client, topic, batches[0] ?? new Uint8Array(0), signal);
          try {
            // A broker that has just started is slow for a while.
            if (!warm) await send(leader, topic, batches, { ...load, rate: 0, seconds: load.seconds * 2 }, signal);
            warm = true;
            return await send(leader, topic, batches, load, signal);
          } finally {
            leader.close();
          }
        });
      },
    };
  });
}

/** Makes a topic with these settings, does, deletes it; also after Ctrl-C. */
async function withTopic<T>(
  client: KafkaClient,
  configs: Readonly<Record<string, string>>,
  signal: AbortSignal,
  work: (topic: string) => Promise<T>,
): Promise<T> {
  const topic = `millrace-bench-${randomUUID()}`;
  // Not ended by the signal: a broker that was asked makes the topic, and one that nobody knows of stays.
  const call = { timeoutMs: CALL_MS, signal: new AbortController().signal };
  answered(await client.createTopic({ name: topic, partitions: 1, configs }, call));
  try {
    return await work(topic);
  } catch (error) {
    signal.throwIfAborted();
    throw error;
  } finally {
    answered(await client.deleteTopic(topic, call));
  }
}

function send(
  leader: Connection,
  topic: string,
  batches: readonly Uint8Array[],
  load: Load,
  signal: AbortSignal,
): Promise<LoadResult> {
  let sent = 0;
  return drive(load, IN_FLIGHT, signal, async () => {
    const batch = batches[sent++ % batches.length] ?? new Uint8Array(0);
    const error = await append(leader, topic, batch, signal);
    if (error !== undefined) throw refused(error);
  });
}

/** Sends a batch; returns why it was not taken. */
async function append(
  leader: Connection,
  topic: string,
  batch: Uint8Array,
  signal: AbortSignal,
): Promise<KafkaError | undefined> {
  const request = { topic, partition: 0, batch, timeoutMs: CALL_MS };
  const [answer] = await leader.request(produce, request, { timeoutMs: CALL_MS, signal });
  return answer?.errorCode === 0 ? undefined : kafkaError(answer?.errorCode ?? -1, answer?.errorMessage);
}

/** A connection to the broker that leads the topic's one partition, once it takes a batch: the metadata tell of a new leader before it knows itself. */
async function connectToLeader(
  client: KafkaClient,
  topic: string,
  batch: Uint8Array,
  signal: AbortSignal,
): Promise<Connection> {
  const call = { timeoutMs: CALL_MS, signal };
  const limitMs = performance.now() + CALL_MS;
  for (;;) {
    const found = await client.describeTopic(topic, call);
    const leaderId = found.ok ? found.topic.partitions.find(({ index }) => index === 0)?.leaderId : undefined;
    const { brokers } = await client.describeCluster(call);
    const address = brokers.find(({ nodeId }) => nodeId === leaderId);
    if (address !== undefined) {
      const connection = new Connection({ address, connect: tcp, ...CLIENT, maxInFlight: IN_FLIGHT });
      await connection.open(call);
      const error = await append(connection, topic, batch, signal);
      if (error === undefined) return connection;
      connection.close();
      if (!error.retriable) throw refused(error);
    }
    if (performance.now() > limitMs) throw new Fault('kafka-timeout', `${topic} got no leader.`);
    await delay(LOOK_EVERY_MS, undefined, { signal });
  }
}

function prepared(size: number): Uint8Array[] {
  const batches = new SampleBatches(size);
  // The memory of a batch is that of the next one too.
  return Array.from({ length: PREPARED }, () => batches.next().slice());
}

/** Throws `kafka-refused` where a broker answered an error. */
function answered(answer: Answer<object>): void {
  if (!answer.ok) throw refused(answer.error);
}

function refused({ name, message }: KafkaError): Fault {
  return new Fault('kafka-refused', message === null ? name : `${name}: ${message}`);
}
