import path from 'node:path';
import { readCheckpoint } from '../checkpoint-file.ts';
import type { Disk } from '../disk.ts';
import { errnoOf, Fault, messageOf } from '../fault.ts';
import { listSegments, listTopics, segmentFile, topicFolder } from '../segment-files.ts';
import { ErasedRecords, type LogErasure } from './erased-records.ts';
import { eraseSegment, lookInto, type TopicSegment } from './erase-segment.ts';
import { removeCleaned } from './files.ts';
import type { RepackedSegment } from './log.ts';

/** What the log's writer is asked before the next step. */
export type EraseStep =
  /** To put a segment, which lies beside the old one, in its place: `false` is given to the next call where that was refused. */
  | { readonly type: 'swap'; readonly segment: RepackedSegment }
  /** To complete the segment that it writes to, if that begins below this offset, and to put its recovery point on record. */
  | { readonly type: 'roll'; readonly topic: string; readonly below: number }
  | { readonly type: 'progress'; readonly done: number; readonly total: number };

/** What was done. */
export interface LogErased {
  /** Records whose values are gone, and segments that were written anew. */
  readonly records: number;
  readonly segments: number;
  /** Parts of segments that cannot be read, and may hold something of it: for people. */
  readonly unread: readonly string[];
}

/** A step at each call, which is given what became of the last one. */
type Steps<Result> = Generator<EraseStep | undefined, Result, boolean | undefined>;

/** So many files are named in a fault. */
const MAX_NAMED = 3;

/**
 * Removes samples from the segments of a log, the oldest of a topic first, all of these erasures in one pass; a step at each call. What a step asks for is to be done before the next call. Twice
 * is harmless. Only segments below the recovery point that is on record are replaced: no recovery will ever write to them. What retention deletes meanwhile needs nothing. Throws `erase-failed`
 * where a segment cannot be read or not be replaced, behind all others, or where the disk is full, at once.
 */
export function* eraseLog(disk: Disk, logFolder: string, erasures: readonly LogErasure[]): Steps<LogErased> {
  const pass = new ErasePass(disk, logFolder, erasures);
  yield* pass.run();
  return pass.result();
}

class ErasePass {
  private readonly disk: Disk;
  private readonly logFolder: string;
  private readonly erased: ErasedRecords;
  private readonly unread: string[] = [];
  private readonly failed: string[] = [];
  private records = 0;
  private segments = 0;
  private done = 0;
  private total = 0;

  constructor(disk: Disk, logFolder: string, erasures: readonly LogErasure[]) {
    this.disk = disk;
    this.logFolder = logFolder;
    this.erased = new ErasedRecords(erasures);
  }

  *run(): Steps<void> {
    const { disk, logFolder, erased } = this;
    const there = new Set(listTopics(disk, logFolder));
    const topics = erased.topics.filter((topic) => there.has(topic));
    for (const topic of topics)
      this.total += listSegments(disk, this.folder(topic)).filter((base) => base < erased.below(topic)).length;
    for (const topic of topics) {
      // A worker that was lost may have left what it was making: copies of what is to be erased.
      removeCleaned(disk, this.folder(topic));
      yield* this.eraseTopic(topic);
    }
  }

  /** Throws if a segment was left as it was. */
  result(): LogErased {
    const { records, segments, unread, failed } = this;
    if (failed.length > 0) {
      const more = failed.length > MAX_NAMED ? ` and ${failed.length - MAX_NAMED} more` : '';
      throw new Fault('erase-failed', `${failed.slice(0, MAX_NAMED).join('; ')}${more}`);
    }
    return { records, segments, unread };
  }

  private folder(topic: string): string {
    return topicFolder(this.logFolder, topic);
  }

  private *eraseTopic(topic: string): Steps<void> {
    const { disk, erased } = this;
    const folder = this.folder(topic);
    const below = erased.below(topic);
    /** The segment for which a roll was asked for. */
    let rolled = -1;
    for (let next = 0; ;) {
      const bases = listSegments(disk, folder).filter((base) => base >= next);
      const [baseOffset, behind] = bases;
      if (baseOffset === undefined || baseOffset >= below) return;
      const isSettled = behind !== undefined && behind <= this.recoveryPoint(topic);
      const segment = { topic, folder, baseOffset, endOffset: isSettled ? behind : Math.min(behind ?? below, below) };
      if (isSettled) yield* this.eraseIn(segment);
      else if (rolled === baseOffset) this.fail(segment, 'it is being written');
      else if (yield* this.isConcerned(segment)) {
        rolled = baseOffset;
        yield { type: 'roll', topic, below };
        continue;
      }
      next = behind ?? below;
      yield { type: 'progress', done: ++this.done, total: Math.max(this.total, this.done) };
    }
  }

  private recoveryPoint(topic: string): number {
    return readCheckpoint(this.disk, path.join(this.logFolder, 'recovery-point-offset-checkpoint')).get(topic) ?? 0;
  }

  private *isConcerned(segment: TopicSegment): Steps<boolean> {
    const look = yield* this.attempt(segment, lookInto(this.disk, segment, this.erased));
    this.unread.push(...(look?.unread ?? []));
    return look?.concerned === true;
  }

  private *eraseIn(segment: TopicSegment): Steps<void> {
    const { topic, baseOffset, endOffset } = segment;
    const made = yield* this.attempt(segment, eraseSegment(this.disk, segment, this.erased));
    if (made === undefined) return;
    if (made.outcome === 'ready') {
      const isSwapped = yield { type: 'swap', segment: { topic, baseOffset, endOffset, isErased: true } };
      // Retention was quicker.
      if (!this.isThere(segment)) return;
      if (isSwapped === false) return this.fail(segment, 'it was not replaced');
      this.segments++;
      this.records += made.records;
    }
    this.unread.push(...made.unread);
  }

  /** Undefined: the segment is not there any more, or the system cannot read it or not write beside it. */
  private *attempt<T>(segment: TopicSegment, steps: Generator<void, T>): Steps<T | undefined> {
    try {
      for (let step = steps.next(); ; step = steps.next()) {
        if (step.done === true) return step.value;
        yield undefined;
      }
    } catch (error) {
      const code = errnoOf(error);
      if (code === 'ENOSPC' || code === 'EDQUOT')
        throw new Fault('erase-failed', `There is no room for a segment of topic ${segment.topic}.`, { cause: error });
      if (code === undefined && !(error instanceof Fault)) throw error;
      if (this.isThere(segment)) this.fail(segment, messageOf(error));
      return undefined;
    } finally {
      // What is half done is deleted.
      steps.return(undefined as T);
    }
  }

  /** False: retention has deleted it. */
  private isThere({ folder, baseOffset }: TopicSegment): boolean {
    return listSegments(this.disk, folder).includes(baseOffset);
  }

  private fail({ folder, baseOffset }: TopicSegment, why: string): void {
    this.failed.push(`${segmentFile(path.basename(folder), baseOffset, 'log')}: ${why}`);
  }
}
