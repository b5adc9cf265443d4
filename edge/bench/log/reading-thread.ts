import { setImmediate as nextTurn } from 'node:timers/promises';
import { parentPort, workerData } from 'node:worker_threads';
import { DurableEnds, type SharedEnds } from '../../core/durable-ends.ts';
import { LogReader } from '../../core/reader.ts';
import { Reading } from './reading.ts';
import { SampleDecoder } from './sample-decoder.ts';

/** What the thread is started with. */
export interface ReadingThreadData {
  readonly logFolder: string;
  readonly ends: SharedEnds;
  readonly reading: SharedArrayBuffer;
}

const READ_BYTES = 256 * 1024;

const { logFolder, ends: sharedEnds, reading: memory } = workerData as ReadingThreadData;
const reading = new Reading(memory);
const ends = new DurableEnds(sharedEnds);
const reader = new LogReader({ logFolder, topic: 'samples', ends });
const decoder = new SampleDecoder();

/** Decodes what comes, as long as it may. */
async function readOn(): Promise<void> {
  while (reading.reads) {
    const seen = ends.current();
    const result = reader.read(READ_BYTES);
    if (result.kind === 'data') decoder.decode(result.bytes);
    reading.position = reader.position;
    await (result.kind === 'end' ? ends.changed(seen) : nextTurn());
  }
}

// The wait for an end does not keep a thread alive.
parentPort?.on('message', () => undefined);
parentPort?.postMessage('ready');
for (;;) {
  reading.sleep();
  await readOn();
}
