import { setImmediate as nextTurn } from 'node:timers/promises';
import type { DurableEnds } from './durable-ends.ts';
import { LogReader } from './reader.ts';
import { RecordCursor } from './record-cursor.ts';

/** Between two steps the thread's other work has its turn: about 20,000 samples. */
const READ_BYTES = 256 * 1024;

/** What a follower of topics needs. */
export interface FollowOptions {
  readonly logFolder: string;
  readonly ends: DurableEnds;
  /** Offset of the first record that is wanted, by topic. */
  readonly from: Readonly<Record<string, number>>;
  /** Called for each record, in the order of its topic. The cursor is the same one at each call; nothing of it may be kept. */
  readonly visit: (topic: string, cursor: RecordCursor) => void;
  /** Records `first` to `last` are not to be had. */
  readonly onGap: (topic: string, first: number, last: number, reason: 'damage' | 'retention') => void;
}

/** Follows topics up to their durable ends and on, until the signal is aborted. Rejects with what `visit` throws, and with what keeps the log from being read. */
export async function follow(options: FollowOptions, signal: AbortSignal): Promise<void> {
  const { logFolder, ends, from } = options;
  const feeds = Object.entries(from).map(([topic, first]) => {
    return { topic, first, reader: new LogReader({ logFolder, topic, ends }) };
  });
  const cursor = new RecordCursor();
  try {
    for (const { reader, first } of feeds) reader.seek(first);
    while (!signal.aborted) {
      const seen = ends.current();
      let moved = false;
      for (const { topic, first, reader } of feeds) moved = step(options, topic, first, reader, cursor) || moved;
      await (moved ? nextTurn() : changedOrAborted(ends, seen, signal));
    }
  } finally {
    for (const { reader } of feeds) reader.close();
  }
}

/** Reads once from one topic. False: it has nothing new. */
function step(options: FollowOptions, topic: string, from: number, reader: LogReader, cursor: RecordCursor): boolean {
  const result = reader.read(READ_BYTES);
  if (result.kind === 'end') return false;
  if (result.kind === 'gap') {
    options.onGap(topic, result.first, result.last, result.reason);
    return true;
  }
  for (let at = 0; at < result.bytes.length;) {
    at = cursor.open(result.bytes, at);
    // The batch that holds the first offset may begin before it.
    while (cursor.next()) if (cursor.offset >= from) options.visit(topic, cursor);
  }
  return true;
}

async function changedOrAborted(ends: DurableEnds, seen: number, signal: AbortSignal): Promise<void> {
  if (signal.aborted) return;
  const ended = Promise.withResolvers<void>();
  const end = (): void => ended.resolve();
  signal.addEventListener('abort', end, { once: true });
  await Promise.race([ends.changed(seen), ended.promise]);
  signal.removeEventListener('abort', end);
}
