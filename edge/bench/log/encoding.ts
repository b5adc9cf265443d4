import { SampleBatches } from '../sample-batches.ts';
import type { Scenario } from '../scenario.ts';
import { MILLRACE } from './millrace.ts';
import { worksFor } from './works-for.ts';

/** Samples at a time. */
const PIECE = 100_000;

/** Samples out of columns into batches with their checksums, in one thread; nothing is handed over. */
export function encoding(batch: number): Scenario {
  return {
    title: `${MILLRACE}: encoding, batches of ${batch}`,
    async measure({ figures, seconds, signal }) {
      const batches = new SampleBatches(batch);
      const rate = await worksFor(seconds / 4, signal, () => {
        for (let samples = 0; samples < PIECE; samples += batch) batches.next();
        return PIECE;
      });
      figures.note(MILLRACE, `encode.batch_${batch}.samples_per_s`, 'samples/s', rate);
    },
  };
}
