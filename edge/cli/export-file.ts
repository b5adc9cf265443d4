import path from 'node:path';
import { countSamples } from '../../historian/queries/counting.ts';
import { openReadOnly } from '../../historian/open-read-only.ts';
import { exportHistory } from '../../historian/parquet/export.ts';
import type { FileFormat, WrittenFile } from '../../historian/parquet/messages.ts';
import type { Config } from '../config/schema.ts';
import { HISTORY_TOPICS } from '../core/topics.ts';
import { openTier } from './open-tier.ts';
import { plainFile } from './output.ts';
import { RateProgress } from './rate-progress.ts';
import { untilEnded } from './signals.ts';

/** What is exported. */
export interface ExportedHistory {
  /** Paths as they are written. */
  readonly tags: readonly string[];
  readonly fromUs: number;
  readonly toUs: number;
  readonly file: string;
  readonly format: FileFormat;
}

/**
 * Writes samples into a file that appears when it is whole; Ctrl-C leaves nothing of it. The files of the gateway are read themselves, also while it runs, by a process of its own, so that neither
 * memory nor the gateway's time goes with the size. Throws `file-unwritable`, what the historian and the cold tier throw.
 */
export async function exportFile(config: Config, { tags, ...job }: ExportedHistory): Promise<WrittenFile> {
  const file = await plainFile(job.file);
  const source = {
    folder: path.join(config.data, 'historian'),
    logFolder: path.join(config.data, 'log'),
    topics: HISTORY_TOPICS,
  };
  const history = openReadOnly(source);
  const counts = countSamples(history.opened, { tags, ...job }, () => false);
  history.close();
  const progress = new RateProgress(
    'exporting',
    counts.reduce((sum, { samples }) => sum + samples, 0),
    'samples',
  );
  const tier = openTier(config);
  const onProgress = (samples: number): void => progress.update(samples, samples);
  try {
    return await untilEnded((signal) =>
      exportHistory({ source, tags, ...job, file }, { onProgress, signal, cold: tier }),
    );
  } finally {
    progress.done();
    await tier?.close();
  }
}

/** What is said on standard error of samples that may be missing. */
export function gapsNote(gaps: number): string {
  return gaps === 0
    ? ''
    : `millrace: samples may be missing in ${gaps} ${gaps === 1 ? 'span' : 'spans'}; \`millrace history --format json\` says where and why\n`;
}
