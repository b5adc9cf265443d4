import path from 'node:path';
import type { Disk } from './disk.ts';

/** A segment rolls before it would grow beyond this. */
export const SEGMENT_BYTES = 64 * 1024 * 1024;
/** One commit writes at most this much to a topic: what a crash can leave torn. */
export const COMMIT_GROUP_BYTES = 4 * 1024 * 1024;

/** Folder of a topic: one partition, number 0. */
export function topicFolder(logFolder: string, topic: string): string {
  return path.join(logFolder, `${topic}-0`);
}

/** Ends the names of files that are to take the place of a segment's: Kafka's own word, it deletes them at start as we do. */
export const CLEANED = '.cleaned';
/** Ends the names of segments that are deleted, until their bytes are: Kafka's own word too. */
export const DELETED = '.deleted';
/** Files of a segment, those that are to take their place, and what is left of it. */
export type SegmentFileKind =
  | `${'log' | 'index' | 'timeindex'}${'' | typeof CLEANED}`
  | `part.log${typeof CLEANED}`
  | `log${typeof DELETED}`;

/** Path of a segment's file: its base offset in 20 digits. */
export function segmentFile(folder: string, baseOffset: number, kind: SegmentFileKind): string {
  return path.join(folder, `${String(baseOffset).padStart(20, '0')}.${kind}`);
}

/** Base offsets of the segments in a topic's folder, ascending. */
export function listSegments(disk: Disk, folder: string): number[] {
  const bases: number[] = [];
  for (const name of disk.list(folder)) {
    const match = /^(\d{20})\.log$/.exec(name);
    if (match?.[1] !== undefined) bases.push(Number(match[1]));
  }
  return bases;
}

/** Names of the topics that have a folder, in order. */
export function listTopics(disk: Disk, logFolder: string): string[] {
  return disk.list(logFolder).flatMap((name) => (name.endsWith('-0') ? [name.slice(0, -2)] : []));
}
