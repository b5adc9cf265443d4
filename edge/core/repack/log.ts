import path from 'node:path';
import { readCheckpoint } from '../checkpoint-file.ts';
import type { Disk } from '../disk.ts';
import { errnoOf } from '../fault.ts';
import { type CompleteSegment, type RepackOutcome, repackSegment } from './segment.ts';
import { listSegments, listTopics, topicFolder } from '../segment-files.ts';

/** Names a segment whose repacked files lie beside it. */
export interface RepackedSegment {
  readonly topic: string;
  readonly baseOffset: number;
  /** Behind its last record. */
  readonly endOffset: number;
  /** Its records are not those of the segment beside it: who has that one open must not read on in it. */
  readonly isErased?: boolean;
}

/** A segment that has had its turn. `failed`: the system cannot read it, or not write beside it. */
export interface Settled extends RepackedSegment {
  readonly outcome: RepackOutcome | 'failed';
}

/** Below these offsets, by topic, segments have had their turn. */
export type SettledOffsets = Readonly<Record<string, number>>;

/**
 * Repacks the complete segments of these topics of a log (left out: of all), the oldest of a topic first, until each has had its turn; a step at each call. Yields what has settled; a segment that is `ready` is to be
 * swapped in by the log's writer before the next call. Only segments below the recovery point that is on record: no recovery will ever write to them. Ends where the disk is full.
 */
export function* repackLog(
  disk: Disk,
  logFolder: string,
  settledOffsets: SettledOffsets,
  topics: readonly string[] = listTopics(disk, logFolder),
): Generator<Settled | undefined, void, unknown> {
  const settled = new Map(Object.entries(settledOffsets));
  for (;;) {
    const next = find(disk, logFolder, topics, settled);
    if (next === undefined) return;
    const { topic, folder, baseOffset, endOffset } = next;
    const outcome = yield* attempt(disk, { folder, baseOffset, endOffset });
    if (outcome === 'full') return;
    settled.set(topic, endOffset);
    yield { topic, baseOffset, endOffset, outcome };
  }
}

/** The oldest segment of a topic that has not had its turn. */
function find(
  disk: Disk,
  logFolder: string,
  topics: readonly string[],
  settled: ReadonlyMap<string, number>,
): (CompleteSegment & { readonly topic: string }) | undefined {
  const points = readCheckpoint(disk, path.join(logFolder, 'recovery-point-offset-checkpoint'));
  for (const topic of topics) {
    const folder = topicFolder(logFolder, topic);
    const bases = listSegments(disk, folder);
    const at = bases.findIndex((base) => base >= (settled.get(topic) ?? 0));
    const [baseOffset, endOffset] = bases.slice(at, at + 2);
    if (at < 0 || baseOffset === undefined || endOffset === undefined) continue;
    if (endOffset <= (points.get(topic) ?? 0)) return { topic, folder, baseOffset, endOffset };
  }
  return undefined;
}

/** An old segment on a bad sector is no reason to leave the others; who reads it is told, and so is who verifies the log. `full`: there is no space to work in. */
function* attempt(disk: Disk, segment: CompleteSegment): Generator<undefined, Settled['outcome'] | 'full'> {
  try {
    const steps = repackSegment(disk, segment);
    try {
      for (let step = steps.next(); ; step = steps.next()) {
        if (step.done === true) return step.value;
        yield undefined;
      }
    } finally {
      steps.return('small-gain');
    }
  } catch (error) {
    const code = errnoOf(error);
    if (code === undefined) throw error;
    return code === 'ENOSPC' || code === 'EDQUOT' ? 'full' : 'failed';
  }
}
