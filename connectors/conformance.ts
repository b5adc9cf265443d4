import { afterEach, describe, expect, test, vi } from 'vitest';
import type { Batch, Connector, Message } from './contract.ts';

/** A sender that a connector takes data from. */
export interface Source {
  /** Sends a text that the connector reads as `original`. */
  send(text: string): Sent;
  /** Resolves when everything that the connector has told the source so far has arrived there. */
  settle(): Promise<void>;
  close(): Promise<void>;
}

/** A text on its way. */
interface Sent {
  /** Whether the source was told that it is safe. */
  readonly acknowledged: boolean;
}

/** How the suite gets a connector and a source for it. */
export interface Rig {
  /** A connector that is not open. */
  readonly create: () => Connector;
  /** A source that has connected. */
  readonly connect: (connector: Connector) => Promise<Source>;
  /** Bytes of messages that the connector holds, and how many it may. */
  readonly heldBytes: (connector: Connector) => number;
  readonly heldLimit: number;
}

const MESSAGE_BYTES = 4096;

/** What every connector owes its host (`contract.ts`). For connectors that hold data back until it is acknowledged. */
export function describeConnector(name: string, rig: Rig): void {
  const open: Started[] = [];

  afterEach(async () => {
    for (const { connector, source } of open.splice(0)) {
      await source.close();
      await connector.close();
    }
  });

  const start: Start = async (signal = new AbortController().signal, connector = rig.create()) => {
    await connector.open(signal);
    const started = { connector, source: await rig.connect(connector) };
    open.push(started);
    return started;
  };

  describe(`${name}: the connector contract`, () => {
    testAcknowledging(start);
    testEnding(start);
    testBackPressure(start, rig);
    testEvents(start);

    test('opening with a signal that has aborted fails', async () => {
      await expect(rig.create().open(AbortSignal.abort())).rejects.toMatchObject({ name: 'AbortError' });
    });
  });
}

interface Started {
  readonly connector: Connector;
  readonly source: Source;
}

/** Opens a connector, a new one unless told, and connects a source. */
type Start = (signal?: AbortSignal, connector?: Connector) => Promise<Started>;

function testAcknowledging(start: Start): void {
  test('what is sent is read, in order, and nothing is acknowledged before the host does so', async () => {
    const { connector, source } = await start();
    const sent = Array.from({ length: 50 }, (_, i) => source.send(`m${i}`));
    const { texts, batches } = await readTexts(connector, sent.length);
    expect(texts).toEqual(sent.map((_, i) => `m${i}`));
    await source.settle();
    expect(sent.filter(({ acknowledged }) => acknowledged)).toEqual([]);
    for (const batch of batches) batch.acknowledge();
    await until(() => sent.every(({ acknowledged }) => acknowledged));
  });

  test('the next batch can be read before the last one is acknowledged; each acknowledgement is for its own batch', async () => {
    const { connector, source } = await start();
    const first = source.send('first');
    const one = await readTexts(connector, 1);
    const second = source.send('second');
    const two = await readTexts(connector, 1);
    expect([one.texts, two.texts]).toEqual([['first'], ['second']]);
    for (const batch of two.batches) batch.acknowledge();
    await until(() => second.acknowledged);
    await source.settle();
    expect(first.acknowledged).toBe(false);
    for (const batch of one.batches) batch.acknowledge();
    await until(() => first.acknowledged);
  });

  test('to acknowledge twice is to acknowledge once', async () => {
    const { connector, source } = await start();
    const sent = source.send('once');
    const { batches } = await readTexts(connector, 1);
    for (const batch of [...batches, ...batches]) batch.acknowledge();
    await until(() => sent.acknowledged);
    source.send('more');
    expect((await readTexts(connector, 1)).texts).toEqual(['more']);
  });
}

function testEnding(start: Start): void {
  test('close rejects a read that waits; what was read is not acknowledged any more', async () => {
    const { connector, source } = await start();
    const sent = source.send('x');
    const { batches } = await readTexts(connector, 1);
    const failure = nameOfFailure(connector.read());
    await connector.close();
    expect(await failure).toBe('AbortError');
    for (const batch of batches) batch.acknowledge();
    await source.close();
    expect(sent.acknowledged).toBe(false);
    await expect(connector.read()).rejects.toMatchObject({ name: 'AbortError' });
  });

  test('it can be opened again after it was closed, and closed twice', async () => {
    const { connector, source } = await start();
    await source.close();
    await connector.close();
    await connector.close();
    const again = await start(undefined, connector);
    const sent = again.source.send('again');
    const { texts, batches } = await readTexts(connector, 1);
    expect(texts).toEqual(['again']);
    for (const batch of batches) batch.acknowledge();
    await until(() => sent.acknowledged);
  });

  test('the signal ends the reading; what was read can still be acknowledged', async () => {
    const life = new AbortController();
    const { connector, source } = await start(life.signal);
    const sent = source.send('x');
    const { batches } = await readTexts(connector, 1);
    const failure = nameOfFailure(connector.read());
    life.abort();
    expect(await failure).toBe('AbortError');
    for (const batch of batches) batch.acknowledge();
    await until(() => sent.acknowledged);
  });
}

function testBackPressure(start: Start, rig: Rig): void {
  test('when nobody reads the source is slowed down, and nothing is lost', async () => {
    const { connector, source } = await start();
    const count = Math.ceil((rig.heldLimit * 4) / MESSAGE_BYTES);
    const sent = Array.from({ length: count }, (_, i) => source.send(`${i}`.padEnd(MESSAGE_BYTES)));
    await until(() => rig.heldBytes(connector) >= rig.heldLimit);
    let most = 0;
    let seen = 0;
    while (seen < count) {
      most = Math.max(most, rig.heldBytes(connector));
      const { texts, batches } = await readTexts(connector, 1);
      for (const text of texts) expect(text.trimEnd()).toBe(`${seen++}`);
      for (const batch of batches) batch.acknowledge();
    }
    // What one read of a socket brings may go beyond the limit.
    expect(most).toBeLessThan(rig.heldLimit + 256 * 1024);
    await until(() => sent.every(({ acknowledged }) => acknowledged));
  });
}

function testEvents(start: Start): void {
  test('nothing is told as refused where all that was sent was read: the ledger counts each `refused` as received', async () => {
    const { connector, source } = await start();
    const texts = ['one', 'two', 'three'];
    for (const text of texts) source.send(text);
    const { batches } = await readTexts(connector, texts.length);
    const events = batches.flatMap(({ readings }) => readings).filter((reading) => reading.type === 'event');
    expect(events.map(({ event }) => event)).toContain('connected');
    expect(events.filter(({ event }) => event === 'refused')).toEqual([]);
  });
}

/** Reads until there are so many messages. */
async function readTexts(connector: Connector, count: number): Promise<{ texts: string[]; batches: Batch[] }> {
  const texts: string[] = [];
  const batches: Batch[] = [];
  while (texts.length < count) {
    const batch = await connector.read();
    batches.push(batch);
    for (const message of messagesOf(batch)) texts.push(Buffer.from(message.original).toString());
  }
  return { texts, batches };
}

/** Waits for a condition, at most 20 s. */
async function until(condition: () => boolean): Promise<void> {
  await vi.waitUntil(condition, { timeout: 20_000, interval: 10 });
}

function nameOfFailure(promise: Promise<unknown>): Promise<string | undefined> {
  return promise.then(
    () => undefined,
    (error: unknown) => (error instanceof Error ? error.name : String(error)),
  );
}

/** The messages of a batch. */
function messagesOf({ readings }: Batch): Message[] {
  return readings.filter((reading) => reading.type === 'message');
}
