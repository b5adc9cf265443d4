import { existsSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { Worker } from 'node:worker_threads';
import { describe, expect, test } from 'vitest';
import { waitFor } from '../../test/services/wait.ts';
import { Fault } from './fault.ts';
import { Log, type LogOptions } from './log.ts';
import { entriesOf, expectedPairs, LogFolder, numbered, pairs } from './kit/log-kit.ts';
import { RING_BYTES } from './ring.ts';
import { TOPICS } from './topics.ts';

/** A log with its worker; closed and removed at the end. */
class RunningLog implements AsyncDisposable {
  readonly folder: LogFolder;
  readonly log: Log;
  readonly failures: Fault[] = [];

  constructor(options: Partial<LogOptions> = {}, folder = new LogFolder()) {
    this.folder = folder;
    this.log = new Log({ dataFolder: folder.data, budgetBytes: 1e12, nowMs: 1, ...options });
  }

  static async open(options: Partial<LogOptions> = {}, folder = new LogFolder()): Promise<RunningLog> {
    const running = new RunningLog(options, folder);
    await running.open();
    return running;
  }

  open(): Promise<void> {
    return this.log.open((fault) => this.failures.push(fault));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.log.close();
    this.folder[Symbol.dispose]();
  }
}

const codeOf = (promise: Promise<unknown>): Promise<unknown> =>
  promise.then(
    (value) => value,
    (error: unknown) => (error instanceof Fault ? error.code : error),
  );

/** A thread with a port to the log, in which `script` runs. */
function producerThread(log: Log, script: string, from = 0): Worker {
  const port = log.producerPort();
  const producer = new URL('./producer.ts', import.meta.url).href;
  const kit = new URL('./kit/log-kit.ts', import.meta.url).href;
  const code = `
    const { parentPort, workerData } = require('node:worker_threads');
    void (async () => {
      const { RingProducer } = await import('${producer}');
      const { numbered } = await import('${kit}');
      ${script}
    })();
  `;
  return new Worker(code, { eval: true, workerData: { port, from }, transferList: [port.life] });
}

describe('producers', () => {
  test('get the base offset of each batch, in the order of their calls, also of several topics', async () => {
    await using running = await RunningLog.open();
    const { log } = running;
    expect(log.ends.topics).toEqual(TOPICS);
    const producer = log.producer();
    const order: number[] = [];
    const answers = await Promise.all(
      Array.from({ length: 200 }, async (_, i) => {
        const offset = await producer.append(i % 4 === 3 ? 'events' : 'samples', numbered(3 * i, 3), 3);
        order.push(i);
        return offset;
      }),
    );
    expect(order).toEqual(Array.from({ length: 200 }, (_, i) => i));
    expect(answers.filter((_, i) => i % 4 === 3)).toEqual(Array.from({ length: 50 }, (_, i) => 3 * i));
    expect(answers.filter((_, i) => i % 4 !== 3)).toEqual(Array.from({ length: 150 }, (_, i) => 3 * i));
    expect([log.ends.end('samples'), log.ends.end('events'), producer.pending]).toEqual([450, 150, 0]);
  });

  test('of several threads share the log, each in its own order', async () => {
    await using running = await RunningLog.open({ segmentBytes: 20_000 });
    const { log, folder } = running;
    // Each appends 300 batches of 2 records: its own number, then the running one.
    const script = `
      const producer = new RingProducer(workerData.port).start();
      const all = [];
      for (let i = 0; i < 300; i++) all.push(producer.append('samples', numbered(workerData.from + 2 * i, 2), 2));
      parentPort.postMessage(await Promise.all(all));
      producer.close();
    `;
    const producers = [100_000, 200_000, 300_000].map((from) => {
      const worker = producerThread(log, script, from);
      return new Promise<[number, number[]]>((resolve, reject) => {
        worker.once('message', (offsets: number[]) => resolve([from, offsets]));
        worker.once('error', reject);
      });
    });
    const answers = await Promise.all(producers);
    const byOffset = new Map(pairs(folder.read(log.ends)));
    expect(byOffset.size).toBe(1800);
    for (const [from, offsets] of answers) {
      expect(offsets).toEqual(offsets.toSorted((a, b) => a - b));
      for (const [i, offset] of offsets.entries())
        expect([byOffset.get(offset), byOffset.get(offset + 1)]).toEqual([from + 2 * i, from + 2 * i + 1]);
    }
  });

  test('learn that a topic is unknown, and the others are not troubled', async () => {
    await using running = await RunningLog.open();
    const producer = running.log.producer();
    const results = ['samples', 'nowhere', 'samples'].map((topic, i) =>
      codeOf(producer.append(topic, numbered(i, 1), 1)),
    );
    expect(await Promise.all(results)).toEqual([0, 'log-topic-unknown', 1]);
  });

  test('wait when the ring is full, until there is room; what is appended all the same comes behind', async () => {
    await using running = await RunningLog.open();
    const producer = running.log.producer();
    await producer.writable();
    const all: Promise<number>[] = [];
    let bytes = 0;
    while (bytes < 2 * RING_BYTES) {
      const batch = numbered(all.length, 1, { size: 400_000 });
      bytes += batch.length;
      all.push(producer.append('samples', batch, 1));
    }
    let free = false;
    const writable = producer.writable().then(() => (free = true));
    await Promise.resolve();
    expect([free, producer.pending]).toEqual([false, all.length]);
    await writable;
    expect(producer.pending).toBeLessThan(all.length);
    expect(await Promise.all(all)).toEqual(all.map((_, i) => i));
  });

  test('may use the memory of a batch again at once', async () => {
    await using running = await RunningLog.open();
    const { log, folder } = running;
    const producer = log.producer();
    const batch = new Uint8Array(1_000_000);
    const answers: Promise<number>[] = [];
    for (let i = 0; i < 100; i++) {
      const made = numbered(100 * i, 100, { size: 1000, compress: false });
      batch.set(made);
      // Two of three find no room in the ring.
      answers.push(producer.append('samples', batch.subarray(0, made.length), 100));
    }
    expect(await Promise.all(answers)).toEqual(Array.from({ length: 100 }, (_, i) => 100 * i));
    expect(pairs(folder.read(log.ends))).toEqual(expectedPairs(0, 10_000));
  });

  test('that are busy do not keep a quiet one out', async () => {
    await using running = await RunningLog.open();
    const { log } = running;
    const script = `
      const producer = new RingProducer(workerData.port).start();
      const template = numbered(0, 1, { size: 400_000 });
      for (;;) {
        await producer.writable();
        producer.append('samples', template.slice(), 1).catch(() => undefined);
      }
    `;
    const busy = producerThread(log, script);
    await waitFor('some batches', () => log.ends.end('samples') > 20);
    const quiet = log.producer();
    const waits: number[] = [];
    for (let i = 0; i < 30; i++) {
      const before = log.ends.end('samples');
      // As large as those of the busy one: it does not fit into what is left of a group that the busy one has filled.
      await quiet.append('events', numbered(i, 1, { size: 400_000 }), 1);
      waits.push(log.ends.end('samples') - before);
    }
    await busy.terminate();
    // The commit under way, the one that takes it along, and one more while the answer is on its way: ten batches each. Single answers may find this thread without a core for longer.
    const median = waits.toSorted((a, b) => a - b)[15];
    expect(median).toBeLessThanOrEqual(33);
  });
});

test('a reader in this thread follows the writer in its own, through rolls, and loses nothing', async () => {
  await using running = await RunningLog.open({ segmentBytes: 30_000 });
  const { log, folder } = running;
  const producer = log.producer();
  const total = 20_000;
  const write = async (): Promise<void> => {
    for (let next = 0; next < total; next += 50) {
      await producer.writable();
      void producer.append('samples', numbered(next, 50), 50);
    }
  };
  const writing = write();
  const reader = folder.reader(log.ends);
  const seen: [number, number][] = [];
  while (seen.length < total) {
    const generation = log.ends.current();
    const result = reader.read(7000);
    expect(result.kind).not.toBe('gap');
    if (result.kind === 'data') for (const { offset, number } of entriesOf(result.bytes)) seen.push([offset, number]);
    else await log.ends.changed(generation);
  }
  await writing;
  reader.close();
  expect(seen).toEqual(expectedPairs(0, total));
  expect(folder.segments().length).toBeGreaterThan(10);
});

describe('closing', () => {
  test('makes durable and answers what was posted before; later appends are refused', async () => {
    await using running = await RunningLog.open();
    const { log, folder } = running;
    const producer = log.producer();
    const answers = Array.from({ length: 300 }, (_, i) => codeOf(producer.append('samples', numbered(10 * i, 10), 10)));
    await log.close();
    expect(await Promise.all(answers)).toEqual(Array.from({ length: 300 }, (_, i) => 10 * i));
    expect(await codeOf(producer.append('samples', numbered(0, 1), 1))).toBe('log-closed');
    expect(await codeOf(log.producer().append('samples', numbered(0, 1), 1))).toBe('log-closed');
    expect(running.failures).toEqual([]);
    expect(pairs(folder.read(log.ends))).toEqual(expectedPairs(0, 3000));
    await log.close();
  });

  test('and opening again goes on at the same offset, under the same id', async () => {
    await using running = await RunningLog.open();
    const { log, folder } = running;
    await log.producer().append('samples', numbered(0, 10), 10);
    const { logId } = log.state.identity;
    expect(logId).toMatch(/^[0-9a-f-]{36}$/);
    await log.close();
    const again = await RunningLog.open({}, folder);
    expect([again.log.ends.end('samples'), again.log.state.identity.logId]).toEqual([10, logId]);
    const clean = { damage: [], repaired: 0, cut: undefined, rewrittenBytes: 0 };
    expect(again.log.state.reports['samples']).toEqual(clean);
    expect(await again.log.producer().append('samples', numbered(10, 1), 1)).toBe(10);
    await again.log.close();
  });

  test('a producer that is closed refuses, and what it had posted may or may not be in the log', async () => {
    await using running = await RunningLog.open();
    const producer = running.log.producer();
    const answer = codeOf(producer.append('samples', numbered(0, 1), 1));
    producer.close();
    expect(await answer).toBe('log-closed');
    expect(await codeOf(producer.append('samples', numbered(0, 1), 1))).toBe('log-closed');
    await producer.writable();
    expect(await running.log.producer().append('events', numbered(0, 1), 1)).toBe(0);
  });
});

describe('failures', () => {
  test('a log that cannot be opened: its fault is thrown, not reported, and nothing stays behind', async () => {
    await using running = new RunningLog();
    running.folder.with({}, () => undefined);
    writeFileSync(`${running.folder.log}/recovery-point-offset-checkpoint`, 'garbage');
    await expect(running.open()).rejects.toThrow('recovery-point-offset-checkpoint is not a checkpoint file');
    expect([running.failures, running.log.state.failed?.code]).toEqual([[], 'data-unreadable']);
    expect(await codeOf(running.log.producer().append('samples', numbered(0, 1), 1))).toBe('log-closed');
    await running.log.close();
  });

  test('a writer that cannot go on: appends are refused for good, it is reported once, and it can be closed', async () => {
    await using running = await RunningLog.open({ segmentBytes: 300 });
    const { log, folder } = running;
    const producer = log.producer();
    await producer.append('samples', numbered(0, 5), 5);
    rmSync(`${folder.log}/samples-0`, { recursive: true });
    const answers = [5, 10, 15].map((next) => codeOf(producer.append('samples', numbered(next, 5), 5)));
    expect(await Promise.all(answers)).toEqual(Array(3).fill('log-segment-missing'));
    expect(await codeOf(log.producer().append('events', numbered(0, 1), 1))).toBe('log-segment-missing');
    await waitFor('a report', () => running.failures.length > 0);
    expect(running.failures.map((fault) => fault.code)).toEqual(['log-segment-missing']);
    expect([log.ends.end('samples'), log.state.failed?.code]).toEqual([5, 'log-segment-missing']);
    await log.close();
    expect(running.failures).toHaveLength(1);
  });

  test('a writer that dies: what is under way is refused, it is reported once, and closing returns', async () => {
    await using running = await RunningLog.open();
    const { log } = running;
    const producer = log.producer();
    await producer.append('samples', numbered(0, 1), 1);
    // An end that nobody wrote: the writer's next end is below it, and its assertion fails.
    log.ends.publish('samples', 1000);
    const answers = [1, 2].map((next) => codeOf(producer.append('samples', numbered(next, 1), 1)));
    expect(await Promise.all(answers)).toEqual(['log-closed', 'log-closed']);
    await waitFor('a report', () => running.failures.length > 0);
    expect(running.failures.map((fault) => fault.code)).toEqual(['worker-failed']);
    await log.close();
  });
});

test('retention: once consumers have said what they need, the log keeps to its budget and says its size', async () => {
  await using running = await RunningLog.open({ segmentBytes: 10_000, budgetBytes: 50_000 });
  const { log, folder } = running;
  // Repacked it would be within its budget.
  await log.repacking.stop();
  const producer = log.producer();
  for (let next = 0; next < 5000; next += 100) await producer.append('samples', numbered(next, 100), 100);
  await waitFor('a size', () => log.state.figures.bytes > 100_000);
  expect([log.state.figures.withinBudget, log.ends.start('samples')]).toEqual([false, 0]);
  const reader = folder.reader(log.ends);
  reader.read(1000);
  log.hold({ local: { samples: 5000 } });
  await waitFor('the budget', () => log.state.figures.withinBudget);
  expect(log.state.figures.bytes).toBeLessThanOrEqual(50_000);
  const start = log.ends.start('samples');
  expect(reader.read()).toMatchObject({ kind: 'gap', last: start - 1, reason: 'retention' });
  reader.close();
  expect(pairs(folder.read(log.ends, start))).toEqual(expectedPairs(start, 5000));
  // They have another name at once, and give their bytes back in pieces.
  const older = (): string[] =>
    readdirSync(`${folder.log}/samples-0`).filter((name) => name < String(start).padStart(20, '0'));
  expect(older().filter((name) => !name.endsWith('.deleted'))).toEqual([]);
  await waitFor('no older segment is there', () => older().length === 0);
});

test('an index that is missing is built again while the log is in use', async () => {
  await using running = await RunningLog.open({ segmentBytes: 10_000 });
  const { log, folder } = running;
  const producer = log.producer();
  for (let next = 0; next < 5000; next += 100) await producer.append('samples', numbered(next, 100), 100);
  await log.close();
  const before = folder.bytes(0, 'index');
  rmSync(folder.file(0, 'index'));
  await using again = await RunningLog.open({ segmentBytes: 10_000 }, folder);
  await waitFor('the index', () => existsSync(folder.file(0, 'index')) && folder.bytes(0, 'index').equals(before));
  expect(again.log.state.failed).toBeUndefined();
});
