import type { Duplex } from 'node:stream';
import { assert, Fault, messageOf } from '../../edge/core/fault.ts';
import { type Address, type Connect, formatAddress } from './address.ts';
import { apiVersions, type VersionRange } from './apis/api-versions.ts';
import { type Call, Deadline, ended, reasonOf } from './deadline.ts';
import { ErrorCode, kafkaError } from './errors.ts';
import { type Api, correlationIdOf, decodeResponse, encodeRequest } from './protocol/api.ts';
import { FrameAssembler } from './protocol/frames.ts';

export interface ConnectionOptions {
  readonly address: Address;
  readonly connect: Connect;
  /** Stands in the broker's logs and quotas. */
  readonly clientId: string;
  readonly softwareVersion: string;
  /** Requests without an answer at a time; further ones wait their turn. A broker serves one at a time and in order. */
  readonly maxInFlight?: number;
  /** Beyond it `kafka-protocol`, and the connection ends. */
  readonly maxResponseBytes?: number;
}

const DEFAULT_IN_FLIGHT = 5;
const DEFAULT_RESPONSE_BYTES = 128 * 1024 * 1024;
/** More callers than this at once are an error in the program. */
const MAX_WAITING = 1000;

/** A request from the call to its answer. */
interface Exchange {
  readonly name: string;
  readonly encode: (correlationId: number) => Uint8Array;
  /** Settles the caller's promise; throws where the frame cannot be read. */
  readonly answer: (frame: Uint8Array) => void;
  readonly fail: (error: Error) => void;
  timer: NodeJS.Timeout | undefined;
}

/**
 * One connection to one broker. Requests are sent in the order of the calls and matched with their answers by correlation id.
 * When anything goes wrong with it (end of stream, no answer in time, an answer that cannot be read) it ends, every request that waits fails with
 * the fault, and it stays ended: its owner opens another one.
 */
export class Connection {
  private readonly options: ConnectionOptions;
  private readonly where: string;
  private readonly maxInFlight: number;
  private readonly frames: FrameAssembler;
  private readonly inFlight = new Map<number, Exchange>();
  private readonly waiting: Exchange[] = [];
  private ranges: ReadonlyMap<number, VersionRange> = new Map();
  private stream: Duplex | undefined;
  private endedBy: Error | undefined;
  private lastCorrelationId = 0;

  constructor(options: ConnectionOptions) {
    this.options = options;
    this.where = formatAddress(options.address);
    this.maxInFlight = options.maxInFlight ?? DEFAULT_IN_FLIGHT;
    this.frames = new FrameAssembler(options.maxResponseBytes ?? DEFAULT_RESPONSE_BYTES);
  }

  /** False from the moment it ended, for whatever reason. */
  get alive(): boolean {
    return this.endedBy === undefined;
  }

  /** Connects and asks what the broker speaks. Throws `kafka-unreachable`, `kafka-timeout`, `kafka-disconnected`, `kafka-protocol`, `kafka-refused`. */
  async open(call: Call): Promise<void> {
    const deadline = new Deadline(call, `a connection to ${this.where}`);
    try {
      this.adopt(await this.connected(deadline));
      this.ranges = await this.negotiate(deadline);
    } catch (error) {
      const fault = call.signal.aborted ? reasonOf(call.signal) : error instanceof Fault ? error : this.noWay(error);
      this.end(fault);
      throw fault;
    }
  }

  /**
   * One request and its answer, in the newest version that both sides speak. Throws `kafka-timeout` (once sent, it ends the connection: answers
   * come in order, so nothing behind it can arrive), `kafka-disconnected`, `kafka-protocol`, or the signal's reason (the connection stays).
   */
  async request<Request, Response>(api: Api<Request, Response>, request: Request, call: Call): Promise<Response> {
    return this.exchange(api, this.versionOf(api), request, call);
  }

  /** Ends it at once; requests that wait fail with `kafka-disconnected`. */
  close(): void {
    this.end(new Fault('kafka-disconnected', `${this.where}: closed by this side.`));
  }

  private async connected(deadline: Deadline): Promise<Duplex> {
    const limitMs = deadline.leftMs();
    const limit = AbortSignal.timeout(limitMs);
    const signal = AbortSignal.any([deadline.signal, limit]);
    const connecting = this.options.connect(this.options.address, signal);
    try {
      return await ended(connecting, signal);
    } catch (error) {
      // A connect function that did not heed its signal may still come with a stream, which nobody wants any more.
      connecting.then(
        (late) => late.destroy(),
        () => undefined,
      );
      if (!limit.aborted) throw error;
      throw new Fault('kafka-timeout', `${this.where}: no connection within ${limitMs} ms.`, { cause: error });
    }
  }

  private adopt(stream: Duplex): void {
    stream.on('error', (error) => this.end(this.lost(messageOf(error), error)));
    stream.on('close', () => this.end(this.lost('the broker closed it')));
    stream.on('end', () => this.end(this.lost('the broker closed it')));
    if (this.endedBy !== undefined) {
      stream.destroy();
      throw this.endedBy;
    }
    this.stream = stream;
    stream.on('data', (chunk: Uint8Array) => this.receive(chunk));
  }

  private async negotiate(deadline: Deadline): Promise<ReadonlyMap<number, VersionRange>> {
    const { softwareVersion } = this.options;
    let answer = await this.exchange(apiVersions, apiVersions.max, { softwareVersion }, deadline.step());
    if (answer.errorCode === ErrorCode.UNSUPPORTED_VERSION) {
      answer = await this.exchange(apiVersions, 0, { softwareVersion }, deadline.step());
    }
    if (answer.errorCode !== 0) {
      throw new Fault('kafka-refused', `${this.where}: ApiVersions: ${kafkaError(answer.errorCode).name}.`);
    }
    return new Map(answer.ranges.map((range) => [range.key, range]));
  }

  private versionOf({ name, key, min, max }: Api<never, unknown>): number {
    const range = this.ranges.get(key);
    const version = Math.min(max, range?.max ?? -1);
    if (range !== undefined && version >= Math.max(min, range.min)) return version;
    const theirs = range === undefined ? 'none' : `${range.min} to ${range.max}`;
    throw new Fault('kafka-protocol', `${this.where}: ${name}: it speaks versions ${theirs}, we ${min} to ${max}.`);
  }

  private exchange<Request, Response>(
    api: Api<Request, Response>,
    version: number,
    request: Request,
    call: Call,
  ): Promise<Response> {
    if (this.endedBy !== undefined) return Promise.reject(this.endedBy);
    if (call.signal.aborted) return Promise.reject(reasonOf(call.signal));
    assert(this.waiting.length < MAX_WAITING, `at most ${MAX_WAITING} requests wait for one connection`);
    const { promise, resolve, reject } = Promise.withResolvers<Response>();
    const exchange: Exchange = {
      name: api.name,
      encode: (correlationId) => encodeRequest(api, version, correlationId, this.options.clientId, request),
      answer: (frame) => resolve(decodeResponse(api, version, frame)),
      fail: reject,
      timer: undefined,
    };
    exchange.timer = setTimeout(() => {
      const fault = new Fault('kafka-timeout', `${this.where}: no answer to ${api.name} within ${call.timeoutMs} ms.`);
      if (this.withdraw(exchange)) reject(fault);
      else this.end(fault);
    }, call.timeoutMs);
    this.waiting.push(exchange);
    this.sendWaiting();
    const withdraw = (): boolean => this.withdraw(exchange);
    call.signal.addEventListener('abort', withdraw, { once: true });
    return ended(promise, call.signal).finally(() => call.signal.removeEventListener('abort', withdraw));
  }

  /** Nobody waits for it any more: true if it was not sent yet and now never will be. What was sent keeps its place until its answer comes. */
  private withdraw(exchange: Exchange): boolean {
    const at = this.waiting.indexOf(exchange);
    if (at < 0) return false;
    this.waiting.splice(at, 1);
    clearTimeout(exchange.timer);
    return true;
  }

  private sendWaiting(): void {
    while (this.alive && this.inFlight.size < this.maxInFlight) {
      const exchange = this.waiting.shift();
      if (exchange === undefined) return;
      this.lastCorrelationId = (this.lastCorrelationId + 1) & 0x7fffffff;
      try {
        this.stream?.write(exchange.encode(this.lastCorrelationId));
        this.inFlight.set(this.lastCorrelationId, exchange);
      } catch (error) {
        // It could not be encoded: nothing was sent, the others are not concerned.
        clearTimeout(exchange.timer);
        exchange.fail(error instanceof Error ? error : new Error(messageOf(error)));
      }
    }
  }

  private receive(chunk: Uint8Array): void {
    try {
      for (const frame of this.frames.push(chunk)) this.settle(frame);
    } catch (error) {
      this.end(error instanceof Fault ? error : new Fault('kafka-protocol', messageOf(error), { cause: error }));
    }
    this.sendWaiting();
  }

  private settle(frame: Uint8Array): void {
    const correlationId = correlationIdOf(frame);
    const exchange = this.inFlight.get(correlationId);
    if (exchange === undefined) {
      throw new Fault('kafka-protocol', `${this.where}: an answer to request ${correlationId}, which nobody asked.`);
    }
    try {
      exchange.answer(frame);
    } catch (error) {
      const why = error instanceof Fault ? error.detail : messageOf(error);
      throw new Fault('kafka-protocol', `${this.where}: ${exchange.name}: ${why}.`, { cause: error });
    }
    this.inFlight.delete(correlationId);
    clearTimeout(exchange.timer);
  }

  private end(fault: Error): void {
    if (this.endedBy !== undefined) return;
    this.endedBy = fault;
    this.stream?.destroy();
    for (const exchange of [...this.inFlight.values(), ...this.waiting]) {
      clearTimeout(exchange.timer);
      exchange.fail(fault);
    }
    this.inFlight.clear();
    this.waiting.length = 0;
  }

  private noWay(error: unknown): Fault {
    return new Fault('kafka-unreachable', `${this.where}: ${messageOf(error)}.`, { cause: error });
  }

  private lost(why: string, cause?: unknown): Fault {
    return new Fault('kafka-disconnected', `${this.where}: ${why}.`, { cause });
  }
}
