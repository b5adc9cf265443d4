import { setTimeout as delay } from 'node:timers/promises';
import type { Scenario } from '../scenario.ts';
import { loadLog, MILLRACE, withLog } from './millrace.ts';
import { Reading } from './reading.ts';
import { startReading } from './start-reading.ts';

const BATCH = 100;
const PRODUCERS = 2;

/** All that a sample costs between the producer's columns and a consumer's: encoded, written, synced, read, checked, decoded, its tag looked up; until the reader has the last one. */
export const pipeline: Scenario = {
  title: `${MILLRACE}: the whole pipeline, batches of ${BATCH}`,
  async measure({ figures, seconds, ...place }) {
    const { signal } = place;
    await withLog(place, {}, async (log) => {
      const reading = new Reading();
      const reader = await startReading(log, reading, signal);
      try {
        reading.reads = true;
        const before = process.cpuUsage();
        const startMs = performance.now();
        const { samples } = await loadLog(log, PRODUCERS, { batch: BATCH, rate: 0, seconds }, signal);
        while (reading.position < samples) await delay(5, undefined, { signal });
        const { user, system } = process.cpuUsage(before);
        figures.note(MILLRACE, 'pipeline.cpu_us_per_sample', 'µs', (user + system) / samples);
        const tookSeconds = (performance.now() - startMs) / 1000;
        figures.note(MILLRACE, 'pipeline.records_per_s', 'samples/s', samples / tookSeconds);
      } finally {
        await reader.terminate();
      }
    });
  },
};
