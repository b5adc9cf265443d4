import { statSync } from 'node:fs';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { realDisk } from '../../core/disk.ts';
import { Fault } from '../../core/fault.ts';
import { repackSegment } from '../../core/repack/segment.ts';
import { CLEANED, segmentFile, topicFolder } from '../../core/segment-files.ts';
import type { Scenario } from '../scenario.ts';
import { loadLog, MILLRACE, withLog } from './millrace.ts';

const BATCH = 1000;
/** Half of a segment of the usual size. */
const SAMPLES = 500_000;

/** Bytes of a sample on the disk, indexes included: as written without compression, and as the log repacks a segment that is complete. */
export const bytesPerSample: Scenario = {
  title: `${MILLRACE}: bytes of a sample, plain and repacked`,
  async measure({ folder, figures, signal }) {
    const load = { batch: BATCH, rate: SAMPLES, seconds: 1 };
    const log = await withLog({ folder, signal }, {}, async (open) => {
      await loadLog(open, 1, load, signal);
      return { folder: open.folder, samples: open.ends.end('samples') };
    });
    const segment = { folder: topicFolder(log.folder, 'samples'), baseOffset: 0, endOffset: log.samples };
    const bytes = (suffix: '' | typeof CLEANED): number =>
      (['log', 'index', 'timeindex'] as const)
        .map((kind) => statSync(segmentFile(segment.folder, segment.baseOffset, `${kind}${suffix}`)).size)
        .reduce((sum, size) => sum + size, 0);
    figures.note(MILLRACE, 'bytes_per_sample.plain', 'bytes', bytes('') / log.samples);
    const steps = repackSegment(realDisk, segment);
    for (;;) {
      const step = steps.next();
      if (step.done === true && step.value !== 'ready') throw new Fault('internal', `Repacking: ${step.value}.`);
      if (step.done === true) break;
      await nextTurn();
      signal.throwIfAborted();
    }
    figures.note(MILLRACE, 'bytes_per_sample.repacked', 'bytes', bytes(CLEANED) / log.samples);
  },
};
