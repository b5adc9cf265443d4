import { z } from 'zod';
import type { Disk } from '../../edge/core/disk.ts';
import { StateFile } from '../../edge/core/progress/state-file.ts';
import { type Span, Violation } from './promises.ts';
import { TOPICS } from './small-log.ts';

const schema = z.strictObject({ version: z.number(), ends: z.array(z.number()).readonly() });

/** What a consumer has put on record: for the how manieth time, and up to where it has followed each topic. */
export type Snapshot = z.infer<typeof schema>;

const FOLDER = '/data/followers';
const NONE: Snapshot = { version: 0, ends: [] };

function stateFile(disk: Disk): StateFile {
  return new StateFile({ disk, file: `${FOLDER}/follower.json`, consumer: 'follower', remedy: '' });
}

/** The snapshot that a disk holds. */
export function readSnapshot(disk: Disk): Snapshot {
  return schema.parse(stateFile(disk).read() ?? NONE);
}

/** Of a consumer that puts its progress on record beside the log: the last version is there, whole, or the one that was being written; and the log has all that it speaks of. */
export class SnapshotPromise {
  private last = 0;
  /** Those that a recovery may find now. */
  versions: readonly number[] = [NONE.version];

  save(disk: Disk, ends: readonly number[]): void {
    const version = ++this.last;
    this.versions = [...this.versions, version];
    disk.makeFolder(FOLDER);
    stateFile(disk).write({ version, ends } satisfies Snapshot);
    this.versions = [version];
  }

  /** A log that was opened again finds this one: others that were begun are gone. */
  adopt(found: Snapshot, spans: readonly Span[]): void {
    checkSnapshot(found, spans, this.versions);
    this.versions = [found.version];
  }
}

/** Throws unless this is what a recovery may find beside topics that go so far. */
export function checkSnapshot({ version, ends }: Snapshot, spans: readonly Span[], versions: readonly number[]): void {
  if (!versions.includes(version)) throw new Violation(`snapshot ${version} is there, not ${versions.join(' or ')}`);
  for (const [i, end] of ends.entries())
    if (end > (spans[i]?.end ?? 0))
      throw new Violation(`snapshot ${version} has ${TOPICS[i]} up to ${end}, the log has not`);
}
