import { readdirSync, statSync } from 'node:fs';
import path from 'node:path';
import { errnoOf } from '../core/fault.ts';
import { topicFolder } from '../core/segment-files.ts';
import { SAMPLE_TOPICS } from '../core/topics.ts';

/** What a demo shows from the beginning. */
const STORY_MS = 60 * 60_000;

/** How far before now the plant's story begins, ms: an hour, but not before what an earlier run of the demo has told. */
export function pastOf(data: string, nowMs: number): number {
  return Math.min(STORY_MS, Math.max(0, nowMs - lastWriteOf(data)));
}

function lastWriteOf(data: string): number {
  return Math.max(...SAMPLE_TOPICS.map((topic) => lastWriteMs(topicFolder(path.join(data, 'log'), topic))));
}

/** When the newest file of a folder was written last; 0: never. */
function lastWriteMs(folder: string): number {
  let names: string[];
  try {
    names = readdirSync(folder);
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') return 0;
    throw error;
  }
  return Math.max(0, ...names.map((name) => statSync(path.join(folder, name)).mtimeMs));
}
