import { writeModel } from '../../models/folder.ts';
import type { Runtime } from '../../models/runtime.ts';
import { trainModel } from '../../models/training.ts';
import { realDisk } from '../core/disk.ts';
import { toFaultMessage } from '../core/fault.ts';
import type { TrainingNotice, TrainingWorkerData } from './messages.ts';

/** The same history gives the same model. */
const SEED = 1;
/** Learning ends with the best so far after this. */
const MAX_MS = 60_000;

/** A training from its beginning to its end, wherever it runs: trains, writes the version's folder, tells. Throws nothing. */
export async function learn(
  { spec, series, folder, version }: TrainingWorkerData,
  open: () => Promise<Runtime>,
  notify: (notice: TrainingNotice) => void,
): Promise<void> {
  try {
    const model = await trainModel({
      spec,
      series,
      seed: SEED,
      runtime: await open(),
      // Who gives it up ends its thread or process as a whole.
      signal: new AbortController().signal,
      onProgress: ({ done }) => notify({ type: 'progress', done }),
      maxMs: MAX_MS,
    });
    writeModel(realDisk, folder, version, model);
    notify({ type: 'trained' });
  } catch (error) {
    notify({ type: 'failed', fault: toFaultMessage(error) });
  }
}
