import { statSync } from 'node:fs';
import type { LogTopic } from '../api/services.ts';
import { realDisk } from '../core/disk.ts';
import type { DurableEnds } from '../core/durable-ends.ts';
import { errnoOf } from '../core/fault.ts';
import { listSegments, segmentFile, topicFolder } from '../core/segment-files.ts';

/** Start, end, segments and bytes of each topic of a log. */
export function topicSizes(logFolder: string, ends: DurableEnds): LogTopic[] {
  return ends.topics.map((topic) => {
    const folder = topicFolder(logFolder, topic);
    const bases = listSegments(realDisk, folder);
    const bytes = bases.reduce((sum, base) => sum + sizeOf(segmentFile(folder, base, 'log')), 0);
    return { topic, start: ends.start(topic), end: ends.end(topic), segments: bases.length, bytes };
  });
}

/** Size of a file; 0 if retention has just deleted it. */
function sizeOf(file: string): number {
  try {
    return statSync(file).size;
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') return 0;
    throw error;
  }
}
