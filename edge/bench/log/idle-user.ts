import { parentPort, workerData } from 'node:worker_threads';
import { DurableEnds, type SharedEnds } from '../../core/durable-ends.ts';
import { follow } from '../../core/follow.ts';
import { type ProducerPort, RingProducer } from '../../core/producer.ts';
import { BatchEncoder } from '../../core/record-batch.ts';
import { SampleDecoder } from './sample-decoder.ts';

/** What the worker is started with. */
export interface IdleUserData {
  readonly port: ProducerPort;
  readonly logFolder: string;
  readonly ends: SharedEnds;
}

const { port, logFolder, ends: sharedEnds } = workerData as IdleUserData;
const ends = new DurableEnds(sharedEnds);
new RingProducer(port).start();
// What a part of the gateway has at hand before its first sample.
const encoder = new BatchEncoder();
const decoder = new SampleDecoder();
const from = { samples: ends.end('samples') };
const visit = (): void => {
  throw new Error('a sample in an idle log');
};
// A wait for what is durable does not keep a thread alive.
parentPort?.on('message', () => undefined);
parentPort?.postMessage(encoder.count + decoder.tagCount);
await follow({ logFolder, ends, from, visit, onGap: visit }, new AbortController().signal);
