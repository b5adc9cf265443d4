import { readdirSync } from 'node:fs';
import path from 'node:path';
import { TopicCheck, type TopicReport } from '../../edge/cli/topic-check.ts';
import { realDisk } from '../../edge/core/disk.ts';
import type { DurableEnds } from '../../edge/core/durable-ends.ts';
import { LogReader } from '../../edge/core/reader.ts';
import { RecordCursor } from '../../edge/core/record-cursor.ts';
import { dumpComplaints, dumpIndexes, dumpLog } from '../services/dump-log.ts';

/** Offsets that a reader could not give. */
export interface Gap {
  readonly first: number;
  readonly last: number;
  readonly reason: string;
}

/** Visits every record from an offset to the durable end; returns what was not to be had. */
export function readTopic(
  { logFolder, topic, ends }: { readonly logFolder: string; readonly topic: string; readonly ends: DurableEnds },
  from: number,
  visit: (cursor: RecordCursor) => void,
): Gap[] {
  const reader = new LogReader({ logFolder, topic, ends });
  const cursor = new RecordCursor();
  const gaps: Gap[] = [];
  try {
    reader.seek(from);
    for (let result = reader.read(); result.kind !== 'end'; result = reader.read()) {
      if (result.kind === 'gap') {
        gaps.push({ first: result.first, last: result.last, reason: result.reason });
        continue;
      }
      for (let at = 0; at < result.bytes.length;) {
        at = cursor.open(result.bytes, at);
        while (cursor.next()) if (cursor.offset >= from) visit(cursor);
      }
    }
    return gaps;
  } finally {
    reader.close();
  }
}

/** What `millrace log verify` finds in a topic of a log that nobody has open. */
export function verifyTopic(logFolder: string, topic: string, end: number): TopicReport {
  const check = new TopicCheck(realDisk, { logFolder, topic, end, live: false });
  // It works as its pieces are asked for.
  Array.from(check.run());
  return check.report;
}

/** Files of a topic with the ending, in the order of their base offsets. */
export function segmentFiles(logFolder: string, topic: string, ending: '.log' | '.index' | '.timeindex'): string[] {
  const folder = path.join(logFolder, `${topic}-0`);
  const names = readdirSync(folder).filter((name) => name.endsWith(ending));
  return names.toSorted().map((name) => path.join(folder, name));
}

/** What Kafka's dump tool has against topics of a closed log: every batch of every segment, every entry of every index. */
export async function kafkaComplaints(logFolder: string, topics: readonly string[]): Promise<string[]> {
  const logs = topics.flatMap((topic) => segmentFiles(logFolder, topic, '.log'));
  const indexes = logs.flatMap((file) => ['.index', '.timeindex'].map((ending) => file.replace(/\.log$/, ending)));
  return dumpComplaints((await dumpLog(logs, [])) + (await dumpIndexes(indexes)));
}
