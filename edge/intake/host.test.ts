import { getEventListeners } from 'node:events';
import { describe, expect, test } from 'vitest';
import { Fault } from '../core/fault.ts';
import { Flag } from '../core/flags.ts';
import { type ConnectorState, ConnectorHost, type HostTime } from './host.ts';
import { IntakeKit, message, raw, settled, type TestIntake } from './intake-kit.ts';
import { TestConnector } from './test-connector.ts';

const NOON_US = Date.UTC(2026, 2, 1, 12) * 1000;

/** Time that passes when the test says so. */
class TestTime implements HostTime {
  nowMs = 0;
  /** Pauses that were asked for, ms. */
  readonly pauses: number[] = [];
  chance = 1;
  tick: () => void = () => undefined;
  everyMs = 0;
  ticking = 0;
  private goOn: () => void = () => undefined;

  monotonicMs(): number {
    return this.nowMs;
  }

  pause(ms: number, signal: AbortSignal): Promise<void> {
    this.pauses.push(ms);
    return new Promise((resolve) => {
      this.goOn = resolve;
      signal.addEventListener('abort', () => resolve(), { once: true });
    });
  }

  every(ms: number, task: () => void): () => void {
    this.everyMs = ms;
    this.tick = task;
    this.ticking++;
    return () => {
      this.ticking--;
    };
  }

  random(): number {
    return this.chance;
  }

  /** Ends the pause that is under way. */
  resume(): void {
    this.goOn();
  }
}

interface Running {
  readonly kit: IntakeKit;
  readonly own: TestIntake;
  readonly time: TestTime;
  readonly connectors: TestConnector[];
  readonly states: ConnectorState[];
  readonly stop: AbortController;
  readonly ended: Promise<void>;
}

/** A host with real intake and log, over connectors of the test. */
async function running(prepare: (connector: TestConnector, n: number) => void = () => undefined): Promise<Running> {
  const kit = await IntakeKit.open();
  const own = kit.intake();
  const time = new TestTime();
  const connectors: TestConnector[] = [];
  const states: ConnectorState[] = [];
  const stop = new AbortController();
  const host = new ConnectorHost({
    name: 'floor',
    kind: 'test',
    intake: own.intake,
    time,
    create() {
      const connector = new TestConnector();
      prepare(connector, connectors.push(connector) - 1);
      return connector;
    },
    onState: (state) => states.push(state),
  });
  return { kit, own, time, connectors, states, stop, ended: host.run(stop.signal) };
}

/** Waits until something holds. */
async function until(holds: () => boolean): Promise<void> {
  const limit = performance.now() + 10_000;
  while (!holds()) {
    if (performance.now() > limit) throw new Error(`does not hold: ${holds.toString()}`);
    await settled();
  }
}

async function finish({ kit, own, stop, ended }: Running): Promise<void> {
  stop.abort();
  await ended;
  await own.intake.drained();
  await kit[Symbol.asyncDispose]();
}

const refuse = (): Promise<void> => Promise.reject(new Fault('listen-failed', 'Port 1883.'));

describe('a connector', () => {
  test('is opened, read, acknowledged, and closed when the signal comes', async () => {
    const host = await running();
    const [connector] = host.connectors;
    for (let i = 0; i < 20; i++) connector?.give(message([raw({ timeUs: NOON_US + i })]));
    await until(() => connector?.acknowledged.length === 20);
    expect(host.states).toEqual([{ state: 'up', detail: '' }]);
    host.stop.abort();
    await host.ended;
    expect(connector?.calls).toEqual(['open', 'close after 20']);
    expect(host.states.at(-1)).toEqual({ state: 'stopped', detail: '' });
    expect(host.kit.samples()).toHaveLength(20);
    expect(
      host.kit.samples().filter(({ flags }) => flags === Flag.gap),
      'a stop is no gap',
    ).toEqual([]);
    expect(host.time.ticking).toBe(0);
    await finish(host);
  });

  test('is closed only when everything that was read is durable and acknowledged', async () => {
    const host = await running();
    const [connector] = host.connectors;
    await until(() => host.states.length === 1);
    for (let i = 0; i < 50; i++) connector?.give(message([raw({ timeUs: NOON_US + i })]));
    await until(() => host.kit.topicEnds()['samples'] !== 0);
    host.stop.abort();
    await host.ended;
    const acknowledged = connector?.acknowledged.length ?? 0;
    expect(acknowledged).toBeGreaterThan(0);
    expect(connector?.calls.at(-1)).toBe(`close after ${acknowledged}`);
    expect(host.kit.samples()).toHaveLength(acknowledged);
    await finish(host);
  });

  test('10,000 reads leave no listener behind', async () => {
    const host = await running();
    const [connector] = host.connectors;
    for (let i = 0; i < 10_000; i++) connector?.give();
    await until(() => connector?.acknowledged.length === 10_000);
    expect(getEventListeners(host.stop.signal, 'abort').length).toBeLessThanOrEqual(1);
    await finish(host);
    expect(getEventListeners(host.stop.signal, 'abort')).toEqual([]);
  });
});

describe('a connector that fails', () => {
  test('to open is closed, and opened again with pauses that grow to 30 s', async () => {
    const host = await running((connector) => {
      connector.onOpen = refuse;
    });
    const { time, connectors, states } = host;
    for (let n = 1; n <= 10; n++) {
      await until(() => time.pauses.length === n);
      expect(connectors).toHaveLength(n);
      expect(connectors.map(({ calls }) => calls)).toEqual(connectors.map(() => ['open', 'close after 0']));
      time.resume();
    }
    await until(() => time.pauses.length === 11);
    expect(time.pauses).toEqual([500, 1000, 2000, 4000, 8000, 16_000, 30_000, 30_000, 30_000, 30_000, 30_000]);
    expect(new Set(states.map(({ state }) => state))).toEqual(new Set(['down']));
    expect(states[0]?.detail).toBe('An address cannot be listened on. Port 1883.');
    await finish(host);
    expect(time.ticking).toBe(0);
  });

  test('waits at least half of the pause, the rest by chance', async () => {
    const host = await running((connector) => {
      connector.onOpen = refuse;
    });
    host.time.chance = 0;
    await until(() => host.time.pauses.length === 1);
    host.time.resume();
    await until(() => host.time.pauses.length === 2);
    expect(host.time.pauses).toEqual([250, 500]);
    await finish(host);
  });

  test('after it was up for long begins again with the shortest pause', async () => {
    const host = await running((connector, n) => {
      if (n < 4) connector.onOpen = refuse;
    });
    const { time, connectors, states } = host;
    for (let n = 1; n <= 4; n++) {
      await until(() => time.pauses.length === n);
      time.resume();
    }
    await until(() => states.at(-1)?.state === 'up');
    time.nowMs += 31_000;
    connectors[4]?.break(new Error('connection reset'));
    await until(() => time.pauses.length === 5);
    expect(time.pauses.at(-1)).toBe(500);
    await finish(host);
  });

  test('to read is closed and opened again; its sources are lost until they send again', async () => {
    const host = await running();
    const { time, connectors, kit, states } = host;
    connectors[0]?.give({ type: 'event', event: 'connected', source: 'pump-7' }, message([raw()]));
    await until(() => connectors[0]?.acknowledged.length === 1);
    connectors[0]?.break(new Error('connection reset'));
    await until(() => time.pauses.length === 1);
    expect(connectors[0]?.calls).toEqual(['open', 'close after 1']);
    expect(states.map(({ state, detail }) => [state, detail])).toEqual([
      ['up', ''],
      ['down', 'connection reset'],
    ]);
    await host.own.intake.drained();
    expect(kit.samples().map(({ value, flags }) => [value, flags])).toEqual([
      [1.5, 0],
      [null, Flag.gap],
    ]);
    expect(host.own.intake.connected.size).toBe(0);
    time.resume();
    await until(() => connectors.length === 2);
    connectors[1]?.give(message([raw({ timeUs: NOON_US + 1 })]));
    await until(() => connectors[1]?.acknowledged.length === 1);
    expect(states.at(-1)).toEqual({ state: 'up', detail: '' });
    await finish(host);
  });

  test('to close is opened again all the same', async () => {
    const host = await running((connector, n) => {
      if (n === 0) connector.onClose = () => Promise.reject(new Error('already closed'));
    });
    host.connectors[0]?.break(new Error('connection reset'));
    await until(() => host.time.pauses.length === 1);
    expect(host.states.at(-1)).toEqual({ state: 'down', detail: 'connection reset' });
    host.time.resume();
    await until(() => host.states.at(-1)?.state === 'up');
    await finish(host);
  });

  test('to close at a stop: the host says so and ends', async () => {
    const host = await running((connector) => {
      connector.onClose = () => Promise.reject(new Error('already closed'));
    });
    await until(() => host.states.length === 1);
    host.stop.abort();
    await host.ended;
    expect(host.states.at(-1)).toEqual({ state: 'stopped', detail: 'already closed' });
    await finish(host);
  });

  test('is not opened again once the signal has come, neither in a pause nor in an open that waits', async () => {
    const inPause = await running((connector) => {
      connector.onOpen = refuse;
    });
    await until(() => inPause.time.pauses.length === 1);
    inPause.stop.abort();
    await inPause.ended;
    expect(inPause.connectors).toHaveLength(1);
    await finish(inPause);
    const inOpen = await running((connector) => {
      connector.onOpen = (signal) =>
        new Promise((_, reject) => {
          signal.addEventListener('abort', () => reject(new DOMException('stopped', 'AbortError')));
        });
    });
    await until(() => inOpen.connectors[0]?.calls.length === 1);
    inOpen.stop.abort();
    await inOpen.ended;
    expect(inOpen.connectors.map(({ calls }) => calls)).toEqual([['open', 'close after 0']]);
    expect(inOpen.states).toEqual([{ state: 'stopped', detail: '' }]);
    await finish(inOpen);
  });

  test('to take its acknowledgement is closed and opened again', async () => {
    const host = await running((of) => {
      of.onAcknowledge = () => {
        throw new Error('the socket is gone');
      };
    });
    const [connector] = host.connectors;
    connector?.give(message([raw()]));
    await until(() => host.kit.topicEnds()['samples'] === 1);
    await host.own.intake.drained();
    connector?.give(message([raw({ timeUs: NOON_US + 1 })]));
    await until(() => host.time.pauses.length === 1);
    expect(host.states.at(-1)).toEqual({ state: 'down', detail: 'the socket is gone' });
    await finish(host);
  });
});

describe('heartbeats', () => {
  test('are on record when the connector is up, every 10 s, when it is down, and at the stop', async () => {
    const host = await running();
    const { time, connectors, kit } = host;
    await until(() => host.states.length === 1);
    expect(time.everyMs).toBe(10_000);
    kit.clock.ms += 10_000;
    time.tick();
    kit.clock.ms += 10_000;
    time.tick();
    connectors[0]?.break(new Error('connection reset'));
    await until(() => time.pauses.length === 1);
    time.tick();
    time.resume();
    await until(() => host.states.at(-1)?.state === 'up');
    host.stop.abort();
    await host.ended;
    await host.own.intake.drained();
    const common = { v: 1, type: 'heartbeat', connector: 'floor', kind: 'test' };
    const down = { ...common, at: NOON_US + 20_000_000, state: 'down', detail: 'connection reset' };
    expect(kit.events()).toEqual([
      { ...common, at: NOON_US, state: 'up' },
      { ...common, at: NOON_US + 10_000_000, state: 'up' },
      { ...common, at: NOON_US + 20_000_000, state: 'up' },
      down,
      down,
      { ...common, at: NOON_US + 20_000_000, state: 'up' },
      { ...common, at: NOON_US + 20_000_000, state: 'stopped' },
    ]);
    await finish(host);
  });
});
