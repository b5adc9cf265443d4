import path from 'node:path';
import { readCheckpoint } from '../core/checkpoint-file.ts';
import { realDisk } from '../core/disk.ts';
import { Fault } from '../core/fault.ts';
import { Failure } from './failure.ts';
import type { LogSource } from './log-source.ts';
import { jsonText, table } from './output.ts';
import { Progress } from './progress.ts';
import { TopicCheck } from './topic-check.ts';

/** `millrace log verify` */
export function verify(log: LogSource, names: readonly string[], options: { json?: boolean }): void {
  for (const name of names) log.mustHave(name);
  // A mistyped folder must not pass for a sound log.
  if (log.ends.topics.length === 0) throw new Fault('log-topic-unknown', `There is no log in ${log.folder}.`);
  const topics = log.topics().filter(({ topic }) => names.length === 0 || names.includes(topic));
  const totalBytes = topics.reduce((sum, { bytes }) => sum + bytes, 0);
  const progress = new Progress('verifying', 'bytes');
  let doneBytes = 0;
  const synced = readCheckpoint(realDisk, path.join(log.folder, 'recovery-point-offset-checkpoint'));
  const reports = topics.map(({ topic, end }) => {
    const check = new TopicCheck(realDisk, {
      logFolder: log.folder,
      topic,
      end: Math.max(end, synced.get(topic) ?? end),
      live: log.live,
    });
    for (const bytes of check.run()) progress.update((doneBytes += bytes), totalBytes);
    return check.report;
  });
  progress.done();
  const sound = reports.every(({ problems }) => problems.length === 0);
  if (options.json === true) process.stdout.write(jsonText({ sound, topics: reports }));
  else {
    const rows = reports.map(({ topic, segments, batches, records, lost, problems }) => [
      topic,
      segments,
      batches,
      records,
      lost,
      problems.length,
    ]);
    process.stdout.write(table(['topic', 'segments', 'batches', 'records', 'lost', 'problems'], rows));
    for (const { problems } of reports) {
      for (const { file, position, what } of problems) process.stdout.write(`${file}:${position}  ${what}\n`);
    }
    process.stdout.write(sound ? 'The log is sound.\n' : 'The log is damaged.\n');
  }
  if (!sound) throw new Failure(1);
}
