import { parentPort, workerData } from 'node:worker_threads';
import { systemClock } from '../../edge/core/clock.ts';
import { DurableEnds } from '../../edge/core/durable-ends.ts';
import { assert, toFaultMessage } from '../../edge/core/fault.ts';
import type { TopicGap } from '../../edge/core/reader.ts';
import { Link } from './link.ts';
import type { LinkCommand, LinkNotice, LinkWorkerData } from './messages.ts';
import { defaultTiming } from './timing.ts';
import { verifyLink } from './verify.ts';

const STATUS_EVERY_MS = 250;

const parent = parentPort;
assert(parent !== null, 'a link runs as a worker thread');
const notify = (notice: LinkNotice): void => parent.postMessage(notice);
const data = workerData as LinkWorkerData;
const { link: config, logFolder, logId, softwareVersion } = data;
const ends = new DurableEnds(data.ends);
const stop = new AbortController();
const verifications = new Map<number, AbortController>();

const timing = { ...defaultTiming, ...data.timing };
const context = {
  link: config,
  logFolder,
  logId,
  ends,
  softwareVersion,
  timing,
  clock: systemClock(),
  random: Math.random,
  onGap: (gap: TopicGap) => notify({ type: 'gap', gap }),
};
const link = new Link(context, data.paused, data.before);

let lastPosted = '';

function postStatus(): void {
  const status = link.status();
  const text = JSON.stringify(status);
  if (text === lastPosted) return;
  lastPosted = text;
  notify({ type: 'status', status });
}

async function verify(id: number): Promise<void> {
  const cancel = new AbortController();
  verifications.set(id, cancel);
  const { signal } = cancel;
  try {
    const results = await verifyLink({
      link: config,
      logFolder,
      ends,
      softwareVersion,
      signal,
      onProgress: (progress) => notify({ type: 'verify-progress', id, progress }),
    });
    notify({ type: 'verified', id, results });
  } catch (error) {
    if (!signal.aborted) notify({ type: 'verify-failed', id, fault: toFaultMessage(error) });
  } finally {
    verifications.delete(id);
  }
}

parent.on('message', (command: LinkCommand) => {
  if (command.type === 'stop') stop.abort();
  else if (command.type === 'pause') link.pause();
  else if (command.type === 'resume') link.resume();
  else if (command.type === 'verify') void verify(command.id);
  else verifications.get(command.id)?.abort();
});

const posting = setInterval(postStatus, STATUS_EVERY_MS);
postStatus();
await link.run(stop.signal);
clearInterval(posting);
postStatus();
for (const verification of verifications.values()) verification.abort();
parent.close();
