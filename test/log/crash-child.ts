import { writeSync } from 'node:fs';
import { Log } from '../../edge/core/log.ts';
import type { Producer } from '../../edge/core/producer.ts';
import { knownBatch } from './known-batches.ts';
import { CRASH_SEGMENT_BYTES, CRASH_TOPICS } from './crash-topics.ts';

// The process that is killed: opens a log, appends with two producers without an end, and says what was acknowledged. Arguments: data folder, number of the run.
const [, , dataFolder = '', run = ''] = process.argv;

/** Batches that each producer has under way. */
const WINDOW = 24;

/** A line in one write: what the pipe has taken outlives this process. */
function say(line: string): void {
  writeSync(1, `${line}\n`);
}

/** The `number`-th batch of a producer goes to this topic: mostly one, so that its segments roll. */
function topicOf(number: number): string {
  return CRASH_TOPICS[number % 5 === 4 ? (number % 10 === 9 ? 1 : 2) : 0] ?? '';
}

async function produce(producer: Producer, index: number): Promise<void> {
  for (let number = 0; ; number++) {
    await producer.writable();
    if (producer.pending >= WINDOW) await new Promise((resolve) => setImmediate(resolve));
    const { bytes, records } = knownBatch({ run: Number(run), producer: index, number }, Date.now());
    const topic = topicOf(number);
    const answer = producer.append(topic, bytes, records);
    const told = answer.then((offset) => say(`ack ${topic} ${offset} ${records} ${index} ${number}`));
    if (producer.pending >= WINDOW) await told;
  }
}

const log = new Log({
  dataFolder,
  budgetBytes: 1e12,
  nowMs: Date.now(),
  topics: CRASH_TOPICS,
  segmentBytes: CRASH_SEGMENT_BYTES,
});
await log.open((fault) => say(`failed ${fault.code} ${fault.detail}`));
say(`open ${CRASH_TOPICS.map((topic) => log.ends.end(topic)).join(' ')}`);
await Promise.all([0, 1].map((index) => produce(log.producer(), index)));
