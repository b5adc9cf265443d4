import { existsSync, mkdirSync, rmSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { type Sample, ValueKind } from '../../core/sample.ts';
import { Fault } from '../../core/fault.ts';
import type { Scenario } from '../scenario.ts';
import type { DataSet } from './data.ts';
import { DAY_MS, MINUTE_MS } from './data.ts';
import { putValue, TOPIC } from './fill-log.ts';
import { foldersIn, openStore } from './fill-store.ts';
import { folderBytes } from './folder-bytes.ts';
import { noteStart } from './memory.ts';
import { MILLRACE, millrace, MillraceHistory } from './millrace.ts';
import { chartQuestion, latestQuestion, rawQuestion } from './questions.ts';
import { askAll } from './study.ts';
import { Check, truthOf } from './truth.ts';
import { YEAR, type YearSet, yearSet, type YearSize } from './year-set.ts';

/** Memory for samples while the year is made: ten times a gateway's, so that it is made in fewer files and merged less often. */
const MEMTABLE_BYTES = 640 * 1024 * 1024;
/** Of the probes: the first tags of each class. */
const PROBES: YearSize = { tags: 3, fast: 3, days: YEAR.days };
const BUCKET_MS = 45 * MINUTE_MS;

/** Where the year lies between two benches. */
function yearFolder(): string {
  const cache = process.env['XDG_CACHE_HOME'] ?? path.join(os.homedir(), '.cache');
  return path.join(cache, 'millrace', 'bench', 'historian-year');
}

/** A historian with a year in it: how long its start takes, what it weighs, and what one asks of it. The year is made once, and kept. */
export function year(): Scenario {
  return {
    title: `${MILLRACE}: a year of 100,000 tags`,
    once: true,
    async measure({ figures, seconds, quick, signal }) {
      const folder = yearFolder();
      const set = yearSet(YEAR);
      if (!(await isWhole(folder, set, signal))) {
        rmSync(folder, { recursive: true, force: true });
        await makeYear(folder, set, signal);
        if (!(await isWhole(folder, set, signal)))
          throw new Fault('bench-failed', `${folder} does not hold what was put into it.`);
      }
      const { historian } = foldersIn(folder);
      figures.note(MILLRACE, 'year.points', 'points', set.points);
      figures.note(MILLRACE, 'year.bytes_per_point', 'bytes', folderBytes(historian) / set.points);
      await noteStart(figures, 'year', historian, signal);
      const few = yearSet(PROBES);
      const truth = truthOf(
        few,
        few.tags.map((_, tag) => tag),
      );
      await using history = new MillraceHistory(few, { folder, signal });
      await history.restart();
      const month = { fromMs: few.monthMs, toMs: few.toMs };
      const day = { fromMs: few.toMs - DAY_MS, toMs: few.toMs };
      const questions = [
        rawQuestion('year.raw_86400', day),
        chartQuestion('year.chart_1000_of_month', { ...month, widthMs: BUCKET_MS }),
        chartQuestion('year.chart_365_days', { fromMs: few.fromMs, toMs: few.toMs, widthMs: DAY_MS }),
      ];
      const asking = { system: MILLRACE, history, probes: truth.probes, figures, signal };
      await askAll(questions, asking, { seconds, quick, check: new Check(millrace, truth) });
      // What all the tags have last was not found out: that would take as long as making them.
      await askAll([latestQuestion('year.latest_100000')], asking, { seconds, quick });
    },
  };
}

/** Whether a whole year lies there that this version reads. */
async function isWhole(folder: string, set: YearSet, signal: AbortSignal): Promise<boolean> {
  if (!existsSync(path.join(foldersIn(folder).historian, 'MANIFEST'))) return false;
  try {
    await using history = new MillraceHistory(set, { folder, signal });
    await history.restart();
    return (await history.points()) === set.points;
  } catch (error) {
    // Another version made it, or it was made half.
    if (error instanceof Fault) return false;
    throw error;
  }
}

/** Puts a set into a historian without a log between: the log of a year would take seventy gigabytes. */
export async function makeYear(folder: string, set: DataSet, signal: AbortSignal): Promise<void> {
  const { log, historian } = foldersIn(folder);
  // Who reads the files looks for a log beside them.
  mkdirSync(log, { recursive: true });
  const { store } = openStore(historian, MEMTABLE_BYTES);
  try {
    const progress = store.progress(TOPIC);
    const series = set.tags.map(({ path: tag }) => {
      const key = Buffer.from(tag);
      return store.series.idOf(progress.number, key, 0, key.length);
    });
    const sample: Sample = { timeUs: 0, kind: ValueKind.double, value: 0, quality: 0, flags: 0, serverTimeUs: null };
    for (const rows of set.rows()) {
      for (let row = 0; row < rows.count; row++) {
        const tag = rows.tags[row] ?? 0;
        const timeMs = rows.timesMs[row] ?? 0;
        sample.timeUs = timeMs * 1000;
        putValue(sample, set.tags[tag], rows.values[row] ?? 0);
        if (store.full) {
          await store.flush();
          await store.settled();
        }
        store.append(series[tag] ?? 0, sample.timeUs, progress.position++, sample, Number.NaN);
        progress.lastMs = timeMs;
      }
      await nextTurn();
      signal.throwIfAborted();
    }
    await store.flush();
    await store.settled();
  } finally {
    await store.close();
  }
}
