import { type MessagePort, parentPort, workerData } from 'node:worker_threads';
import { DurableEnds } from '../../edge/core/durable-ends.ts';
import { assert, type Fault, toFaultMessage } from '../../edge/core/fault.ts';
import { readSecret } from '../../edge/core/secret.ts';
import type { TableErasure } from './erasures.ts';
import { QuestdbFeed } from './feed.ts';
import { ReadingCheck } from './reading-check.ts';
import type { QuestdbCommand, QuestdbNotice, QuestdbWorkerData } from './protocol.ts';

/** How often it is told how far it has come. */
const TELL_MS = 500;

async function run(data: QuestdbWorkerData, port: MessagePort): Promise<void> {
  const post = (notice: QuestdbNotice): void => port.postMessage(notice);
  const stopping = new AbortController();
  port.on('message', (command: QuestdbCommand) => {
    if (command.type === 'stop') stopping.abort();
    else void erase(command.id, command.erasure);
  });
  const { ends, http, pg, password, ...rest } = data;
  const report = (fault: Fault): void => post({ type: 'report', fault: toFaultMessage(fault) });
  const feed = new QuestdbFeed({
    ...rest,
    address: async () => ({ http, password: await readSecret(password) }),
    ends: new DurableEnds(ends),
    report,
    onGap: (gap) => post({ type: 'gap', gap }),
  });
  const reading = new ReadingCheck({
    address: async () => ({ pg, password: await readSecret(password) }),
    isFed: () => feed.status().state === 'following',
    report,
  });
  const erase = async (id: number, erasure: TableErasure): Promise<void> => {
    try {
      await feed.erase(erasure);
      post({ type: 'erased', id });
    } catch (error) {
      post({ type: 'not-erased', id, fault: toFaultMessage(error) });
    }
  };
  const tell = (): void => {
    const { state, problem: stopped, ...counts } = feed.status();
    const unreadable = state === 'following' ? reading.problem : null;
    const fault = unreadable ?? stopped;
    const problem = fault === null ? null : toFaultMessage(fault);
    const progress = {
      ...counts,
      state: unreadable === null ? state : 'unreadable',
      problem,
      holds: feed.holds(),
    } as const;
    post({ type: 'progress', progress });
  };
  const telling = setInterval(tell, TELL_MS);
  // A look that is under way at a stop ends with the thread.
  void reading.run(stopping.signal);
  try {
    await feed.run(stopping.signal);
    tell();
  } catch (error) {
    post({ type: 'failed', fault: toFaultMessage(error) });
  } finally {
    stopping.abort();
    clearInterval(telling);
    port.close();
  }
}

const port = parentPort;
assert(port !== null, 'QuestDB is fed by a worker thread');
void run(workerData as QuestdbWorkerData, port);
