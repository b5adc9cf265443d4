import { setTimeout as delay } from 'node:timers/promises';
import type { DurableEnds } from '../../edge/core/durable-ends.ts';
import { LogReader, openEnds } from '../../edge/core/reader.ts';
import { holdsSamples } from '../../edge/core/topics.ts';
import { KafkaClient } from '../kafka/client.ts';
import type { Call } from '../kafka/deadline.ts';
import { compareRecords, type Difference } from './comparison.ts';
import { Destination } from './destination.ts';
import { destinationOf, type LinkConfig } from './link-config.ts';
import { destinationSupply, logSupply, RecordWalk } from './record-walk.ts';

export interface VerifyOptions {
  readonly link: LinkConfig;
  readonly logFolder: string;
  /** Left out: as the files of the log have it now, for a tool beside the gateway or without one. */
  readonly ends?: DurableEnds;
  readonly softwareVersion: string;
  readonly signal: AbortSignal;
  /** Called at most four times a second. */
  readonly onProgress?: (progress: VerifyProgress) => void;
}

export interface VerifyProgress {
  readonly topic: string;
  readonly from: number;
  /** Offset reached. */
  readonly at: number;
  readonly to: number;
}

/** How one topic of the log compares with its mirror. */
export interface VerifyResult {
  readonly topic: string;
  readonly destination: string;
  /** Offsets that both ends claim to have: from the later start to below the smaller end. */
  readonly from: number;
  readonly to: number;
  /** Records found equal: offset, timestamp, key, value, headers. */
  readonly compared: number;
  /** Records in that span that the log itself has lost. */
  readonly unknown: number;
  /** Records that were erased in the log and have their values at the mirror: not counted as compared, and no difference. */
  readonly erased: number;
  /** No record differs, and the mirror has none beyond the log. Records that are `missing` do not count: they are still to come. */
  readonly equal: boolean;
  readonly firstDifference: Difference | undefined;
  /** Records that the log had when the verification began, and the mirror does not have yet. */
  readonly missing: number;
  /** Records at the mirror's end that the log does not have. */
  readonly surplus: number;
}

const FETCH_BYTES = 4 * 1024 * 1024;
const CALL_MS = 30_000;
const PROGRESS_EVERY_MS = 250;
/** A link under load is always a little behind: what the log has at the start is asked for again, so long and so often. */
const UNDER_WAY_MS = 2000;
const ASK_AGAIN_MS = 50;

/**
 * Compares the topics of a link with their mirrors, record by record, with connections of its own: beside a running link, or without one. Bounded
 * memory. Throws the faults of the client and of the log, `link-diverged` for what cannot be a record of a link, and the signal's reason.
 */
export async function verifyLink(options: VerifyOptions): Promise<VerifyResult[]> {
  const { link, softwareVersion, signal } = options;
  const clientId = `millrace-${link.name}-verify`;
  using client = new KafkaClient({ brokers: link.to.brokers, clientId, softwareVersion });
  const results: VerifyResult[] = [];
  for (const topic of link.topics) {
    results.push(await verifyTopic(options, topic, client, { timeoutMs: CALL_MS, signal }));
  }
  return results;
}

async function verifyTopic(
  options: VerifyOptions,
  topic: string,
  client: KafkaClient,
  call: Call,
): Promise<VerifyResult> {
  const { link, logFolder, signal, onProgress } = options;
  const destination = new Destination(client, destinationOf(link, topic), call);
  const wanted = endOf(options.ends ?? openEnds(logFolder), topic);
  const there = await extentOf(destination, wanted, signal);
  // Asked after the mirror, which has nothing that was not in the log before.
  const ends = options.ends ?? openEnds(logFolder);
  const known = ends.topics.includes(topic);
  const here = { start: known ? ends.start(topic) : 0, end: endOf(ends, topic) };
  const to = Math.min(here.end, there.end);
  const from = Math.min(Math.max(here.start, there.start), to);
  const reader = new LogReader({ logFolder, topic, ends });
  let toldMs = performance.now();
  try {
    if (known) reader.seek(from);
    const compared = await compareRecords(
      new RecordWalk(logSupply(reader, to)),
      new RecordWalk(destinationSupply(destination, from, to, FETCH_BYTES)),
      { from, to, signal, mayBeErased: holdsSamples(topic) },
      (at) => {
        if (performance.now() - toldMs < PROGRESS_EVERY_MS) return;
        toldMs = performance.now();
        onProgress?.({ topic, from, at, to });
      },
    );
    const surplus = Math.max(0, there.end - here.end);
    return {
      topic,
      destination: destination.at.topic,
      from,
      to,
      ...compared,
      equal: compared.firstDifference === undefined && surplus === 0,
      missing: Math.max(0, wanted - there.end),
      surplus,
    };
  } finally {
    reader.close();
  }
}

function endOf(ends: DurableEnds, topic: string): number {
  return ends.topics.includes(topic) ? ends.end(topic) : 0;
}

/** First offset and end of a destination; nothing at all if the topic does not exist. Records up to `wanted` that are under way get a moment to arrive. */
async function extentOf(
  destination: Destination,
  wanted: number,
  signal: AbortSignal,
): Promise<{ start: number; end: number }> {
  if ((await destination.describe()) === undefined) return { start: 0, end: 0 };
  const start = await destination.start();
  for (const untilMs = performance.now() + UNDER_WAY_MS; ;) {
    const end = await destination.end();
    if (end >= wanted || performance.now() >= untilMs) return { start, end };
    await delay(ASK_AGAIN_MS, undefined, { signal });
  }
}
