import { parentPort, workerData } from 'node:worker_threads';
import { systemClock } from '../core/clock.ts';
import { DurableEnds } from '../core/durable-ends.ts';
import { assert, toFaultMessage } from '../core/fault.ts';
import { RingProducer } from '../core/producer.ts';
import { TagTable } from '../intake/tag-table.ts';
import type { WatchCommand, WatchNotice, WatchWorkerData } from './messages.ts';
import { Watch } from './watch.ts';

const parent = parentPort;
assert(parent !== null, 'the watch runs as a worker thread');
const notify = (notice: WatchNotice): void => parent.postMessage(notice);
const data = workerData as WatchWorkerData;
const stop = new AbortController();
const producer = new RingProducer(data.producer).start();
const tags = new TagTable(data.site, data.tags).start();

const watch = new Watch({
  ...data,
  ends: new DurableEnds(data.ends),
  clock: systemClock(),
  producer,
  tags,
  notify,
});

parent.on('message', (command: WatchCommand) => {
  if (command.type === 'stop') stop.abort();
  else if (command.type === 'activate') void watch.activate(command.model, command.version);
  else void watch.act(command.request, command.alarm, command.action);
});

try {
  await watch.run(stop.signal);
} catch (error) {
  notify({ type: 'failed', fault: toFaultMessage(error) });
}
producer.close();
data.tags.close();
parent.close();
