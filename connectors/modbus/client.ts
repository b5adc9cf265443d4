import { assert, Fault } from '../../edge/core/fault.ts';
import type { Batch, Connector } from '../contract.ts';
import { abortError } from '../inbox.ts';
import type { ModbusConfig, UnitConfig } from './config.ts';
import { compileDevice, type Device } from './device.ts';
import { Exchange } from './exchange.ts';
import { MODBUS_LIMITS, type ModbusLimits } from './limits.ts';
import type { Line } from './line.ts';
import { Mbap } from './mbap.ts';
import { planBlocks } from './plan.ts';
import { Poller } from './poller.ts';
import type { Sender } from './reading.ts';
import { Rtu } from './rtu.ts';
import { Schedule, type UnitPlan } from './schedule.ts';
import { connectTcp } from './tcp-line.ts';

/** The parts of an open client. */
interface Open {
  readonly line: Line;
  readonly exchange: Exchange;
  readonly poller: Poller;
  /** Ends when nothing is asked any more. */
  readonly polling: Promise<void>;
  readonly forgetSignal: () => void;
}

/** A Modbus client (master): connects, asks each unit at the intervals of its device file, reads. A lost connection rejects `read`; the host opens anew. */
export class ModbusClient implements Connector {
  private readonly config: ModbusConfig;
  private readonly limits: ModbusLimits;
  private parts: Open | undefined;

  constructor(config: ModbusConfig, limits: ModbusLimits = MODBUS_LIMITS) {
    this.config = config;
    this.limits = limits;
  }

  /** Bytes of answers that the host has not acknowledged; at most `heldBytes`, and the answer to the question that was under way when it was reached. */
  get heldBytes(): number {
    return this.parts?.poller.heldBytes ?? 0;
  }

  /** Throws `config-invalid`, `modbus-unreachable`. When the signal aborts nothing is read any more; what was read can be acknowledged until `close`. */
  async open(signal: AbortSignal): Promise<void> {
    assert(this.parts === undefined, 'opened once');
    if (signal.aborted) throw abortError('aborted before it was opened');
    const { bus, units } = this.config;
    const devices = units.map((unit) => ({ unit, device: deviceOf(unit) }));
    const line = await connectTcp(bus.tcp, this.limits.connectMs, signal);
    const framing = bus.framing === 'rtu' ? new Rtu() : new Mbap();
    const exchange = new Exchange(line, framing, bus, this.limits);
    const policy = { ...this.limits, retries: bus.retries, timeoutMs: bus.timeout };
    const schedule = new Schedule(devices.map(planOf), policy, performance.now());
    const senders = new Map(devices.map(({ unit, device }) => [unit.id, senderOf(unit, device)]));
    const poller = new Poller({ exchange, schedule, senders, limits: this.limits, timeoutMs: bus.timeout });
    const stop = (): void => {
      poller.finish(abortError('aborted'));
      poller.inbox.end(abortError('aborted'));
    };
    signal.addEventListener('abort', stop, { once: true });
    const forgetSignal = (): void => signal.removeEventListener('abort', stop);
    void line.lost.then((fault) => poller.finish(fault));
    exchange.start();
    this.parts = { line, exchange, poller, polling: poller.run(), forgetSignal };
    if (signal.aborted) stop();
  }

  read(): Promise<Batch> {
    if (this.parts === undefined) return Promise.reject(abortError('not open'));
    return this.parts.poller.inbox.read();
  }

  async close(): Promise<void> {
    const { parts } = this;
    if (parts === undefined) return;
    this.parts = undefined;
    const { line, exchange, poller, polling, forgetSignal } = parts;
    forgetSignal();
    poller.finish(abortError('closed'));
    poller.inbox.close(abortError('closed'));
    exchange.stop(abortError('closed'));
    await line.close();
    await polling;
  }
}

function deviceOf({ id, device: config }: UnitConfig): Device {
  const { device, problems } = compileDevice(config);
  if (device !== undefined) return device;
  const details = problems.map(({ key, detail }) => `${key.join('.')}: ${detail}.`);
  throw new Fault('config-invalid', `unit ${id}: ${details.join(' ')}`);
}

function planOf({ unit, device }: { unit: UnitConfig; device: Device }): UnitPlan {
  const groups = device.groups.map(({ name, intervalMs, points }) => {
    return { name, intervalMs, blocks: planBlocks(points, device) };
  });
  return { id: unit.id, groups };
}

function senderOf({ id, asset, class: tagClass }: UnitConfig, { config }: Device): Sender {
  return { source: `unit ${id}`, asset, addressing: config.addressing, class: tagClass };
}
