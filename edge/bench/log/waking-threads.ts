import { parentPort, workerData } from 'node:worker_threads';
import { DurableEnds, type SharedEnds } from '../../core/durable-ends.ts';

/** What the two threads are started with. */
export interface WakingData {
  readonly role: 'reader' | 'writer';
  readonly ends: SharedEnds;
  /** How often the reader was woken; it is about to wait again. */
  readonly turn: Int32Array;
  /** When the last end was published; the clock is the same in all threads. */
  readonly publishedNs: BigInt64Array;
  readonly times: number;
}

/** The first ones are those of code that was never run. */
const WARM_UP = 200;
/** Between two commits the reader has long gone to sleep: 0.5 to 2 ms. */
const PAUSES_MS = [0.5, 1.1, 0.8, 2, 1.4];

const { role, ends: shared, turn, publishedNs, times } = workerData as WakingData;
const ends = new DurableEnds(shared);

/** Sleeps like the log's writer, without an event loop. */
function write(): void {
  const pause = new Int32Array(new SharedArrayBuffer(4));
  for (let i = 1; i <= WARM_UP + times; i++) {
    Atomics.wait(pause, 0, 0, PAUSES_MS[i % PAUSES_MS.length]);
    Atomics.store(publishedNs, 0, process.hrtime.bigint());
    ends.publish('samples', i);
    ends.notify();
    Atomics.wait(turn, 0, i - 1);
  }
  parentPort?.postMessage('written');
}

async function read(): Promise<void> {
  const latenciesUs = new Float64Array(times);
  for (let i = 1; i <= WARM_UP + times; i++) {
    const seen = ends.current();
    if (ends.end('samples') < i) await ends.changed(seen);
    const wokenNs = process.hrtime.bigint();
    if (i > WARM_UP) latenciesUs[i - WARM_UP - 1] = Number(wokenNs - Atomics.load(publishedNs, 0)) / 1000;
    Atomics.store(turn, 0, i);
    Atomics.notify(turn, 0);
  }
  parentPort?.postMessage(latenciesUs);
}

if (role === 'writer') write();
else {
  // The wait for an end does not keep a thread alive.
  parentPort?.ref();
  parentPort?.on('message', () => undefined);
  await read();
}
