import { parentPort, workerData } from 'node:worker_threads';
import { DurableEnds } from '../core/durable-ends.ts';
import { assert, toFaultMessage } from '../core/fault.ts';
import type { LiveCommand, LiveNotice, LiveWorkerData } from './messages.ts';
import { LiveView } from './view.ts';

/** At most four updates a second. */
const UPDATE_EVERY_MS = 250;

const parent = parentPort;
assert(parent !== null, 'the live view runs as a worker thread');
const notify = (notice: LiveNotice): void => parent.postMessage(notice);
const data = workerData as LiveWorkerData;

const view = new LiveView({ ...data, ends: new DurableEnds(data.ends) }, (error) => {
  notify({ type: 'failed', fault: toFaultMessage(error) });
  parent.close();
});
const updates = setInterval(() => {
  for (const [id, items] of view.updates()) notify({ type: 'update', id, items });
}, UPDATE_EVERY_MS);

parent.on('message', (command: LiveCommand) => {
  if (command.type === 'subscribe') view.subscribe(command.id, command.patterns);
  else if (command.type === 'more') view.taken(command.id);
  else if (command.type === 'unsubscribe') view.unsubscribe(command.id);
  else parent.close();
});
parent.on('close', () => {
  clearInterval(updates);
  view.stop();
});
