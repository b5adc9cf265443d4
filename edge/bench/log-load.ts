import { setImmediate as nextTurn } from 'node:timers/promises';
import { parentPort, workerData } from 'node:worker_threads';
import { assert } from '../core/fault.ts';
import { type ProducerPort, RingProducer } from '../core/producer.ts';
import { nap, WARM_UP_MS } from './log/system.ts';
import { SampleBatches } from './sample-batches.ts';

/** What a load is started with. */
export interface LogLoadData {
  readonly port: ProducerPort;
  /** Samples of a batch. */
  readonly batch: number;
  readonly seconds: number;
  /** Samples a second, or 0: as many as the log takes. */
  readonly rate: number;
}

/** What it posts: `ready`, and when everything that it has appended is durable how much that was, how long it took, and the latencies from append to durable, ms. */
export type LogLoadNotice = 'ready' | LogLoadResult;

export interface LogLoadResult {
  readonly samples: number;
  readonly seconds: number;
  readonly latenciesMs: Float64Array;
  /** CPU time of this thread: encoding, handing over, taking answers. */
  readonly cpuSeconds: number;
}

/** More latencies than this are not kept. */
const MAX_LATENCIES = 4_000_000;

const { port, batch, seconds, rate } = workerData as LogLoadData;
assert(parentPort !== null, 'the load runs as a worker thread');
const parent = parentPort;
const producer = new RingProducer(port).start();
const batches = new SampleBatches(batch);
const latenciesMs = new Float64Array(MAX_LATENCIES);
let measured = 0;
let appended = 0;
let warmMs = 0;

/** What fails ends the thread: nobody waits for this. */
async function append(): Promise<void> {
  const startMs = performance.now();
  appended++;
  await producer.append('samples', batches.next(), batch);
  if (startMs >= warmMs && measured < MAX_LATENCIES) latenciesMs[measured++] = performance.now() - startMs;
}

/** As fast as there is room; what fails ends the thread. The clock is looked at seldom, and latencies not at all: both would cost more than a batch of one. */
async function flatOut(untilMs: number): Promise<void> {
  while (performance.now() < untilMs) {
    for (let i = 0; i < 64; i++) {
      if (!producer.isWritable) await producer.writable();
      appended++;
      void producer.append('samples', batches.next(), batch);
    }
  }
}

/** A batch whenever one is due. */
async function paced(untilMs: number): Promise<void> {
  const everyMs = (batch / rate) * 1000;
  for (let dueMs = performance.now(); dueMs < untilMs; dueMs += everyMs) {
    while (performance.now() < dueMs) {
      nap();
      await nextTurn();
    }
    if (!producer.isWritable) await producer.writable();
    void append();
  }
}

parent.once('message', () => {
  void (async () => {
    const cpuBefore = process.threadCpuUsage();
    const startMs = performance.now();
    warmMs = startMs + WARM_UP_MS;
    const untilMs = startMs + seconds * 1000;
    await (rate === 0 ? flatOut(untilMs) : paced(untilMs));
    while (producer.pending > 0) await nextTurn();
    const took = (performance.now() - startMs) / 1000;
    const cpu = process.threadCpuUsage(cpuBefore);
    parent.postMessage({
      samples: appended * batch,
      seconds: took,
      latenciesMs: latenciesMs.slice(0, measured),
      cpuSeconds: (cpu.user + cpu.system) / 1e6,
    } satisfies LogLoadNotice);
    producer.close();
  })();
});
parent.postMessage('ready' satisfies LogLoadNotice);
