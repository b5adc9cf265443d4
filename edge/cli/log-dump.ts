import { setTimeout as pause } from 'node:timers/promises';
import { Fault } from '../core/fault.ts';
import { LogReader } from '../core/reader.ts';
import { RecordCursor } from '../core/record-cursor.ts';
import type { LogSource } from './log-source.ts';
import { writeOutput } from './output.ts';
import { Progress } from './progress.ts';
import { recordJson, recordLine } from './record-text.ts';

const TAIL_EVERY_MS = 250;

interface DumpOptions {
  readonly from?: number;
  readonly to?: number;
  readonly output?: string;
  readonly json?: boolean;
}

/** `millrace log dump`. Throws `log-topic-unknown`, `usage`, `log-offset-unknown`. */
export async function dump(log: LogSource, topic: string, options: DumpOptions): Promise<void> {
  log.mustHave(topic);
  const end = log.ends.end(topic);
  const from = options.from ?? log.ends.start(topic);
  const to = Math.min(options.to ?? Infinity, end);
  // Nothing at all must not pass for an answer: whoever asks for offsets believes that they are there.
  if (options.from !== undefined && options.to !== undefined && options.from >= options.to)
    throw new Fault('usage', `--from ${options.from} is not before --to ${options.to}.`);
  if (options.from !== undefined && from >= end)
    throw new Fault('log-offset-unknown', `${topic} ends before offset ${end}: there is nothing from ${from} on.`);
  const progress = options.output === undefined ? undefined : new Progress(`dumping ${topic}`, 'records');
  const pieces = dumpPieces(log, topic, { from, to, json: options.json === true }, (offset) =>
    progress?.update(offset - from, to - from),
  );
  try {
    await writeOutput(pieces, options.output);
  } finally {
    progress?.done();
  }
}

interface Range {
  readonly from: number;
  readonly to: number;
  readonly json: boolean;
}

/** Records as text, a piece for each read of the log; what cannot be had is said in its place. */
function* dumpPieces(
  log: LogSource,
  topic: string,
  { from, to, json }: Range,
  onRead: (offset: number) => void = () => undefined,
): Generator<string> {
  const reader = new LogReader({ logFolder: log.folder, topic, ends: log.ends });
  const cursor = new RecordCursor();
  const format = json ? recordJson : recordLine;
  try {
    reader.seek(from);
    while (reader.position < to) {
      const result = reader.read();
      if (result.kind === 'end') return;
      if (result.kind === 'gap') {
        yield gapText(result.first, Math.min(result.last, to - 1), result.reason, json);
        continue;
      }
      let piece = '';
      for (let at = 0; at < result.bytes.length;) {
        at = cursor.open(result.bytes, at);
        while (cursor.next()) if (cursor.offset >= from && cursor.offset < to) piece += format(topic, cursor);
      }
      onRead(result.nextOffset);
      if (piece !== '') yield piece;
    }
  } finally {
    reader.close();
  }
}

function gapText(first: number, last: number, reason: string, json: boolean): string {
  if (json) return `${JSON.stringify({ gap: { first, last, reason } })}\n`;
  return `# records ${first} to ${last} are not to be had: ${reason}\n`;
}

/** `millrace log tail`: ends when nobody reads any more, or at once where no gateway runs. */
export async function tail(log: LogSource, topic: string, options: { lines: number; json?: boolean }): Promise<void> {
  log.mustHave(topic);
  const from = Math.max(log.ends.start(topic), log.ends.end(topic) - options.lines);
  await writeOutput(follow(log, topic, from, options.json === true));
}

async function* follow(log: LogSource, topic: string, first: number, json: boolean): AsyncGenerator<string> {
  for (let from = first; ;) {
    const to = log.ends.end(topic);
    yield* dumpPieces(log, topic, { from, to, json });
    from = Math.max(from, to);
    if (!log.live) return;
    await pause(TAIL_EVERY_MS);
    await log.refresh();
  }
}
