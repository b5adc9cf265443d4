import { Random } from '../../../models/random.ts';
import type { DataSet } from './data.ts';
import { Rows } from './rows.ts';

/** How late data is. */
export interface Lateness {
  /** Of all samples. */
  readonly share: number;
  /** At most; evenly distributed up to it. */
  readonly upToMs: number;
}

const SEED = 7;
/** Late samples wait by the second in which they arrive. */
const STEP_MS = 1000;

/** The same samples, some of which arrive late: behind others that were taken after them. What was still to come arrives at the end. */
export function late(set: DataSet, lateness: Lateness): DataSet {
  return { ...set, name: `${set.name}, late`, lateMs: lateness.upToMs, rows: () => lateRows(set, lateness) };
}

function* lateRows(set: DataSet, { share, upToMs }: Lateness): Generator<Rows, undefined> {
  const random = new Random(SEED);
  const waiting = new Map<number, number[]>();
  const out = new Rows();
  let nowStep = 0;
  for (const rows of set.rows()) {
    for (let row = 0; row < rows.count; row++) {
      const tag = rows.tags[row] ?? 0;
      const timeMs = rows.timesMs[row] ?? 0;
      const value = rows.values[row] ?? 0;
      const quality = rows.qualities[row] ?? 0;
      const step = Math.floor((timeMs - set.fromMs) / STEP_MS);
      for (; nowStep < step; nowStep++) {
        yield* arrived(out, waiting.get(nowStep));
        waiting.delete(nowStep);
      }
      if (random.uniform() < share) {
        const arrives = step + 1 + random.below(upToMs / STEP_MS);
        const queue = waiting.get(arrives) ?? [];
        queue.push(tag, timeMs, value, quality);
        waiting.set(arrives, queue);
      } else if (out.add(tag, timeMs, value, quality)) {
        yield out;
        out.count = 0;
      }
    }
  }
  for (const step of [...waiting.keys()].toSorted((a, b) => a - b)) yield* arrived(out, waiting.get(step));
  if (out.count > 0) yield out;
  return undefined;
}

/** Gives those of one second, four numbers each. */
function* arrived(out: Rows, queue: readonly number[] = []): Generator<Rows, undefined> {
  for (let i = 0; i < queue.length; i += 4) {
    if (!out.add(queue[i] ?? 0, queue[i + 1] ?? 0, queue[i + 2] ?? 0, queue[i + 3] ?? 0)) continue;
    yield out;
    out.count = 0;
  }
  return undefined;
}
