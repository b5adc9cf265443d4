import { fromModbusException, StatusCode } from '../../edge/core/status-code.ts';
import type { Message, Reading, SourceEvent } from '../contract.ts';
import { Inbox } from '../inbox.ts';
import type { Exchange, Outcome } from './exchange.ts';
import type { ModbusLimits } from './limits.ts';
import { addressOf, type Sender, toMessages, toNullMessage } from './reading.ts';
import type { Schedule, Task } from './schedule.ts';

/** What a poller works with. */
export interface PollerOptions {
  readonly exchange: Exchange;
  readonly schedule: Schedule;
  /** By unit. */
  readonly senders: ReadonlyMap<number, Sender>;
  readonly limits: ModbusLimits;
  readonly timeoutMs: number;
}

/** Why a unit counts as dead, where it is not that nothing came. */
const reasons: Readonly<Record<number, string>> = {
  [StatusCode.BadNoCommunication]: 'the gateway says that it is not there',
  [StatusCode.BadCommunicationError]: 'only broken answers',
};

interface Arrival {
  readonly reading: Reading;
  readonly bytes: number;
}

/** Weight of a message and of a value in memory beside the registers. */
const MESSAGE_BYTES = 200;
const VALUE_BYTES = 120;
/** Timers do not run for longer than 24 days. */
const MAX_PAUSE_MS = 3_600_000;
/** Exceptions (Modbus Application Protocol 1.1b3, section 7). */
const ILLEGAL_ADDRESS = 2;
const GATEWAY_PATH_UNAVAILABLE = 0x0a;
const GATEWAY_TARGET_SILENT = 0x0b;

/** Asks what is due and hands over what is answered. While the host does not take it nothing is asked. */
export class Poller {
  readonly inbox: Inbox<Arrival>;
  private readonly options: PollerOptions;
  private held = 0;
  /** Readings that nobody has read. */
  private unread = 0;
  private ended: { readonly error: unknown } | undefined;
  /** Ends the pause that is under way. */
  private wake: (() => void) | undefined;
  private overrunMs = -Infinity;

  constructor(options: PollerOptions) {
    this.options = options;
    this.inbox = new Inbox<Arrival>({
      toReading: ({ reading }) => this.taken(reading),
      bytesOf: ({ bytes }) => bytes,
      onAcknowledged: ({ bytes }) => this.acknowledged(bytes),
      onFailed: (error) => this.finish(error),
    });
  }

  /** Bytes of answers that are not acknowledged. */
  get heldBytes(): number {
    return this.held;
  }

  /** Asks until it is told to finish or the connection is lost. Never rejects: what ends it ends the reading. */
  async run(): Promise<void> {
    try {
      while (this.ended === undefined) await this.step();
    } catch (error) {
      this.finish(error);
    }
  }

  /** Nothing is asked any more; when what has arrived has been read `read` rejects with the error. */
  finish(error: unknown): void {
    if (this.ended !== undefined) return;
    this.ended = { error };
    this.wake?.();
    if (this.unread === 0) this.inbox.end(error);
  }

  private async step(): Promise<void> {
    const { schedule, exchange, limits } = this.options;
    if (this.held >= limits.heldBytes) return this.pause(undefined);
    const task = schedule.next(performance.now());
    this.tellOverruns();
    if (typeof task === 'number') return this.pause(task);
    const { table, address, count } = task.block;
    const outcome = await exchange.ask({ unit: task.unit.id, table, address, count });
    if (this.ended === undefined) this.take(task, outcome);
  }

  /** Undefined: until there is room. */
  private async pause(ms: number | undefined): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    this.wake = resolve;
    const timer = ms === undefined ? undefined : setTimeout(resolve, Math.min(Math.ceil(ms), MAX_PAUSE_MS));
    await promise;
    clearTimeout(timer);
    this.wake = undefined;
  }

  private take(task: Task, outcome: Outcome): void {
    const absent = absence(outcome);
    if (absent !== undefined) return this.takeSilence(task, absent);
    const { schedule } = this.options;
    const sender = this.senderOf(task);
    if (schedule.answered(task, performance.now()))
      this.tell({ type: 'event', event: 'connected', source: sender.source });
    if (outcome.type === 'data') {
      for (const message of toMessages(sender, task.block, outcome.bytes)) this.tellMessage(message);
    } else if (outcome.type === 'exception') this.takeException(task, outcome.code);
    else this.tellMessage(toNullMessage(sender, task.block, StatusCode.BadCommunicationError));
  }

  private takeSilence(task: Task, quality: number): void {
    const { schedule, timeoutMs } = this.options;
    const sender = this.senderOf(task);
    const { blocks, died } = schedule.silent(task, performance.now());
    if (died) {
      const reason = reasons[quality] ?? `no answer within ${timeoutMs} ms`;
      this.tell({ type: 'event', event: 'disconnected', source: sender.source, reason });
    }
    for (const block of blocks) this.tellMessage(toNullMessage(sender, block, quality));
  }

  private takeException(task: Task, code: number): void {
    const sender = this.senderOf(task);
    if (code === ILLEGAL_ADDRESS) {
      if (this.options.schedule.refused(task, performance.now())) return;
      const reason = 'Exception 2, illegal address: the device does not have this register.';
      this.tell({ ...problem(sender, reason), address: addressOf(sender, task.block) });
    }
    this.tellMessage(toNullMessage(sender, task.block, fromModbusException(code)));
  }

  private senderOf({ unit }: Task): Sender {
    const sender = this.options.senders.get(unit.id);
    if (sender === undefined) throw new Error(`assertion failed: unit ${unit.id} is asked and unknown`);
    return sender;
  }

  private tellOverruns(): void {
    const { schedule, senders, limits } = this.options;
    const nowMs = performance.now();
    if (nowMs - this.overrunMs < limits.overrunReportMs) return;
    for (const { unit, group, cycles } of schedule.takeOverruns()) {
      const sender = senders.get(unit);
      if (sender === undefined) continue;
      this.overrunMs = nowMs;
      const reason = `${cycles} cycles of group ${group} were left out: those before them were not done in time.`;
      this.tell(problem(sender, reason));
    }
  }

  private tellMessage(message: Message): void {
    this.add(message, message.original.length + MESSAGE_BYTES + VALUE_BYTES * message.values.length);
  }

  private tell(event: SourceEvent): void {
    this.add(event, MESSAGE_BYTES);
  }

  private add(reading: Reading, bytes: number): void {
    this.unread++;
    this.held += bytes;
    this.inbox.add({ reading, bytes });
  }

  private taken(reading: Reading): Reading {
    this.unread--;
    if (this.unread === 0 && this.ended !== undefined) {
      const { error } = this.ended;
      // Behind the batch that is being made.
      queueMicrotask(() => this.inbox.end(error));
    }
    return reading;
  }

  private acknowledged(bytes: number): void {
    const { heldBytes } = this.options.limits;
    const wasFull = this.held >= heldBytes;
    this.held -= bytes;
    if (wasFull && this.held < heldBytes) this.wake?.();
  }
}

/** The quality of a unit that did not answer, or undefined if it did, however badly. What takes the whole time-out counts as no answer: it costs the others as much. */
function absence(outcome: Outcome): number | undefined {
  if (outcome.type === 'silent') return StatusCode.BadTimeout;
  if (outcome.type === 'broken' && outcome.late === true) return StatusCode.BadCommunicationError;
  if (outcome.type !== 'exception') return undefined;
  const isAbsent = outcome.code === GATEWAY_PATH_UNAVAILABLE || outcome.code === GATEWAY_TARGET_SILENT;
  return isAbsent ? fromModbusException(outcome.code) : undefined;
}

function problem({ source }: Sender, reason: string): SourceEvent {
  return { type: 'event', event: 'problem', source, reason };
}
