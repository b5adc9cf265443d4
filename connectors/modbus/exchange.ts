import { setTimeout as delay } from 'node:timers/promises';
import { Fault } from '../../edge/core/fault.ts';
import type { BusConfig } from './config.ts';
import type { Framing } from './framing.ts';
import type { ModbusLimits } from './limits.ts';
import type { Line } from './line.ts';
import type { Answer, Broken, Request } from './request.ts';

/** What became of a question. `silent`: nothing came in time. */
export type Outcome = Answer | Broken | { readonly type: 'silent' };

const SILENT = { type: 'silent' } as const;
/** A line on which nothing came for so long is quiet, ms. */
const QUIET_MS = 50;
/** So many questions must have been left without an answer before the line counts as lost. */
const MIN_UNANSWERED = 3;

/** Questions and answers on a line: one question at a time, its answer strictly checked, a broken one asked again. */
export class Exchange {
  private readonly line: Line;
  private readonly framing: Framing;
  private readonly bus: BusConfig;
  private readonly limits: ModbusLimits;
  private waiting: ((outcome: Answer | Broken) => void) | undefined;
  /** Units of which an answer may yet come that could not be told from the next one. */
  private readonly doubtful = new Set<number>();
  private lastByteMs = performance.now();
  private lastTurnMs = -Infinity;
  private unanswered = 0;
  private adrift = 0;
  private readonly life = new AbortController();

  constructor(line: Line, framing: Framing, bus: BusConfig, limits: ModbusLimits) {
    this.line = line;
    this.framing = framing;
    this.bus = bus;
    this.limits = limits;
  }

  /** Begins to listen. */
  start(): void {
    this.line.onBytes = (chunk) => this.receive(chunk);
    void this.line.lost.then((fault) => this.stop(fault));
  }

  /** Ends the question that is under way, and every later one, with this error. */
  stop(error: unknown): void {
    if (this.life.signal.aborted) return;
    this.life.abort(error);
    this.waiting?.({ type: 'broken', detail: 'the connection ended' });
  }

  /**
   * Asks, and asks again when the answer is broken, as often as `retries` says. Throws `modbus-lost` when the connection has ended or nothing comes from it any more, and
   * `modbus-adrift` when the beginning of a frame cannot be found any more.
   */
  async ask(request: Request): Promise<Outcome> {
    if (this.doubtful.has(request.unit)) {
      const outcome = await this.proveQuiet(request);
      if (outcome !== undefined) return outcome;
    }
    for (let attempt = 0; ; attempt++) {
      const outcome = await this.askOnce(request);
      if (outcome.type !== 'broken' || attempt >= this.bus.retries) return outcome;
    }
  }

  private async askOnce(request: Request): Promise<Outcome> {
    await this.turn();
    const outcome = await this.exchange(request);
    this.lastTurnMs = performance.now();
    this.life.signal.throwIfAborted();
    this.watch(outcome);
    if (this.framing.numbered) return outcome;
    if (outcome.type === 'silent' || outcome.type === 'broken') this.doubtful.add(request.unit);
    if (outcome.type === 'broken') await this.listen(QUIET_MS, this.bus.timeout);
    return outcome;
  }

  private async exchange(request: Request): Promise<Outcome> {
    const bytes = this.framing.ask(request);
    const { promise, resolve } = Promise.withResolvers<Outcome>();
    this.waiting = resolve;
    const timer = setTimeout(() => resolve(this.giveUp()), this.bus.timeout);
    this.line.write(bytes);
    const outcome = await promise;
    clearTimeout(timer);
    this.waiting = undefined;
    return outcome;
  }

  private giveUp(): Outcome {
    const instead = this.framing.giveUp();
    return instead === undefined ? SILENT : { ...instead, late: true };
  }

  /** After a unit has been silent or not understood, where answers have no number: its next answer only shows that it is there. When nothing more comes it is asked anew. */
  private async proveQuiet(request: Request): Promise<Outcome | undefined> {
    const outcome = await this.askOnce(request);
    if (outcome.type === 'silent') return outcome;
    await this.listen(this.bus.timeout, 2 * this.bus.timeout);
    this.doubtful.delete(request.unit);
    return undefined;
  }

  /** Drops what comes until nothing has come for so long, at the latest at the limit. */
  private async listen(quietMs: number, limitMs: number): Promise<void> {
    const startMs = performance.now();
    this.lastByteMs = Math.max(this.lastByteMs, startMs);
    for (;;) {
      const nowMs = performance.now();
      const waitMs = Math.min(this.lastByteMs + quietMs, startMs + limitMs) - nowMs;
      if (waitMs <= 0 || this.life.signal.aborted) return;
      await this.pause(waitMs);
    }
  }

  /** Also ends, without an error, when the exchange is stopped. */
  private async pause(ms: number): Promise<void> {
    const { signal } = this.life;
    await delay(ms, undefined, { signal }).catch((error: unknown) => {
      if (!signal.aborted) throw error;
    });
  }

  private async turn(): Promise<void> {
    const waitMs = this.lastTurnMs + this.bus.turnaround - performance.now();
    if (waitMs > 0) await this.pause(waitMs);
    this.life.signal.throwIfAborted();
  }

  private receive(chunk: Uint8Array): void {
    this.lastByteMs = performance.now();
    this.unanswered = 0;
    const outcome = this.framing.receive(chunk);
    if (outcome !== undefined) this.waiting?.(outcome);
    else if (this.framing.discardedBytes > this.limits.discardedBytes) {
      this.stop(
        new Fault('modbus-adrift', `${this.line.name}: ${this.framing.discardedBytes} bytes without an answer.`),
      );
    }
  }

  /** Finds out that a connection is of no use any more. */
  private watch(outcome: Outcome): void {
    const { adriftAnswers, quietMs } = this.limits;
    this.adrift = outcome.type === 'broken' && outcome.adrift === true ? this.adrift + 1 : 0;
    if (this.adrift >= adriftAnswers) {
      throw new Fault('modbus-adrift', `${this.line.name}: ${this.adrift} times in a row ${messageOf(outcome)}.`);
    }
    if (outcome.type !== 'silent') return;
    this.unanswered++;
    const silentMs = performance.now() - this.lastByteMs;
    if (this.unanswered < MIN_UNANSWERED || silentMs < quietMs) return;
    throw new Fault('modbus-lost', `${this.line.name}: nothing came for ${Math.round(silentMs / 1000)} s.`);
  }
}

function messageOf(outcome: Outcome): string {
  return outcome.type === 'broken' ? outcome.detail : outcome.type;
}
