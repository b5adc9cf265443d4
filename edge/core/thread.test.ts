import { expect, test, vi } from 'vitest';
import { Thread } from './thread.ts';

type Notice = { readonly got: unknown } | 'up';

/** A worker that tells what it hears; its `workerData` says how it behaves. */
const script = new URL(
  `data:text/javascript,${encodeURIComponent(`
    import { parentPort, workerData } from 'node:worker_threads';
    parentPort.postMessage('up');
    parentPort.on('message', (command) => {
      if (command === 'stop' && !workerData.deaf) return parentPort.close();
      if (command === 'crash') throw new Error('out of paper');
      if (command === 'leave') process.exit(3);
      parentPort.postMessage({ got: command });
    });
  `)}`,
);

function threadOf(): { thread: Thread<string, Notice>; notices: Notice[] } {
  const notices: Notice[] = [];
  return { thread: new Thread({ name: 'tester', script, onNotice: (notice) => notices.push(notice) }), notices };
}

test('what is told arrives, what it tells too; told to end, it ends', async () => {
  const { thread, notices } = threadOf();
  expect(thread.running).toBe(false);
  const ended = thread.run({});
  expect(thread.running).toBe(true);
  thread.post('hello');
  await vi.waitUntil(() => notices.length === 2);
  expect(notices).toEqual(['up', { got: 'hello' }]);
  await thread.stop('stop');
  await ended;
  expect(thread.running).toBe(false);
});

test.each([
  ['crash', 'tester: out of paper'],
  ['leave', 'tester: exit code 3'],
])('one that ends by itself (%s) is a failure that says why, and can be started again', async (how, detail) => {
  const { thread, notices } = threadOf();
  const ended = thread.run({});
  thread.post(how);
  await expect(ended).rejects.toMatchObject({ code: 'worker-failed', detail });
  const again = thread.run({});
  await vi.waitUntil(() => notices.length === 2);
  await thread.stop('stop');
  await again;
});

test('the reason that it has told is the one that is given, also when it was told to end', async () => {
  const { thread } = threadOf();
  const ended = thread.run({});
  const cause = new Error('the disk is gone');
  thread.failed(cause);
  await Promise.all([
    expect(ended).rejects.toMatchObject({ code: 'worker-failed', detail: 'tester: the disk is gone', cause }),
    thread.stop('stop'),
  ]);
});

test('one that does not end is ended after the limit', async () => {
  const { thread, notices } = threadOf();
  const ended = thread.run({ deaf: true });
  await vi.waitUntil(() => notices.length === 1);
  await thread.stop('stop', 50);
  await ended;
  expect(notices).toEqual(['up', { got: 'stop' }]);
});

test('without a worker nobody hears a command, and there is nothing to stop', async () => {
  const { thread, notices } = threadOf();
  thread.post('hello');
  await thread.stop('stop');
  expect(notices).toEqual([]);
});
