import type { Log } from '../../core/log.ts';
import { LogReader } from '../../core/reader.ts';
import type { Scenario } from '../scenario.ts';
import { loadLog, MILLRACE, withLog } from './millrace.ts';
import { SampleDecoder } from './sample-decoder.ts';
import { worksFor } from './works-for.ts';

const BATCH = 100;

/** Batches out of the log's files, in one thread: checksum, records, the tag by the bytes of its key, the sample. The files are in the page cache. */
export const decoding: Scenario = {
  title: `${MILLRACE}: decoding, batches of ${BATCH}`,
  async measure({ figures, seconds, ...place }) {
    const rate = await withLog(place, {}, async (log) => {
      await loadLog(log, 1, { batch: BATCH, rate: 0, seconds: seconds / 4 }, place.signal);
      return readAgainAndAgain(log, seconds / 4, place.signal);
    });
    figures.note(MILLRACE, 'decode.samples_per_s', 'samples/s', rate);
  },
};

async function readAgainAndAgain(log: Log, seconds: number, signal: AbortSignal): Promise<number> {
  const reader = new LogReader({ logFolder: log.folder, topic: 'samples', ends: log.ends });
  const decoder = new SampleDecoder();
  try {
    return await worksFor(seconds, signal, () => {
      const result = reader.read();
      if (result.kind !== 'data') reader.seek(0);
      return result.kind === 'data' ? decoder.decode(result.bytes) : 0;
    });
  } finally {
    reader.close();
  }
}
