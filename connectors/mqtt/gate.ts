import type { Socket } from 'node:net';
import { PacketScanner, PacketType, type PacketWatcher } from './fixed-header.ts';
import type { BrokerLimits } from './limits.ts';
import type { Room, Waiter } from './room.ts';

/** What a gate shares with the other gates of its broker. */
export interface GateOptions {
  readonly limits: BrokerLimits;
  /** Messages that are not through yet. */
  readonly held: Room;
  /** Reservations of unfinished packets, large and small ones: a few large ones do not keep all others waiting. */
  readonly unfinished: { readonly large: Room; readonly small: Room };
  /** A packet was refused; its connection is closed next. */
  readonly onRefused: (gate: Gate, refused: RefusedPacket) => void;
  readonly onClosed: (gate: Gate) => void;
  /** A handler of the socket threw. */
  readonly onFailed: (error: unknown) => void;
}

export interface RefusedPacket {
  readonly reason: string;
  /** Remaining length, where it is known. */
  readonly bytes?: number;
  /** Topic, where it is known. */
  readonly topic?: string;
}

/** From this length on an unfinished packet is a large one. */
const LARGE_BYTES = 64 * 1024;

type Emit = (event: string | symbol, ...values: unknown[]) => boolean;

/** Why nothing is read. `connect`: CONNECT is being answered. */
type Pause = 'connect' | 'held' | 'unfinished' | 'shut';

/**
 * Stands between a socket and the broker: `socket.read` hands over no byte of a packet that is too long, or for which there is no room. The broker reads its sockets by
 * `read(null)` on `readable`; what is not handed over goes back into the socket's own buffer, and the socket stops reading by itself.
 */
export class Gate implements PacketWatcher, Waiter {
  readonly socket: Socket;
  readonly address: string;
  /** Set by the broker once the client is known. */
  clientId: string | undefined;
  /** The client said DISCONNECT. */
  goodbye = false;
  closed = false;
  /** Messages that were acknowledged and are not yet with all subscribers, bytes. */
  forwarding = 0;
  /** Topic filters that the client subscribed to. */
  readonly subscriptions = new Set<string>();

  private readonly options: GateOptions;
  private readonly scanner: PacketScanner;
  private pause: Pause | undefined;
  /** It was this gate's turn: one read whatever the others wait for. */
  private turn = false;
  private connects = 0;
  /** Packets that the last read completed. */
  private handed = 0;
  /** The broker has asked since the last `readable`. */
  private asked = false;
  /** Reserved for the packet that is going on. */
  private reserved: { readonly room: Room; readonly bytes: number } | undefined;
  private watch = { sinceMs: 0, missing: 0 };
  private readSocket: (size?: number) => Buffer | null = () => null;

  constructor(socket: Socket, options: GateOptions) {
    this.socket = socket;
    this.options = options;
    this.address = `${socket.remoteAddress ?? '?'}:${socket.remotePort ?? 0}`;
    this.scanner = new PacketScanner(this);
  }

  /** Takes the socket's place in front of the broker: to be called before the broker gets the socket. */
  open(): this {
    const { socket, options } = this;
    this.readSocket = socket.read.bind(socket) as (size?: number) => Buffer | null;
    // 0 is the stream's own way to ask the socket for more.
    socket.read = (size?: number): Buffer | null => (size === 0 ? this.readSocket(0) : this.read());
    const emit = socket.emit.bind(socket) as Emit;
    socket.emit = (event: string | symbol, ...values: unknown[]): boolean => {
      try {
        return event === 'readable' ? this.readable(emit) : emit(event, ...values);
      } catch (error) {
        options.onFailed(error);
        return true;
      }
    };
    socket.once('close', () => this.close());
    return this;
  }

  /** CONNECT was answered: what the client sent behind it may follow. */
  connected(): void {
    if (this.pause === 'connect') setImmediate(() => this.goOn('connect'));
  }

  /** Nothing is read any more. */
  shut(): void {
    this.leaveRooms();
    this.pause = 'shut';
  }

  /** Called from time to time: closes the connection if its unfinished packet does not grow. */
  checkProgress(nowMs: number): void {
    const { unfinishedMs } = this.options.limits;
    const unfinished = this.scanner.unfinished;
    // Who is made to wait is not slow: what it sent lies in the socket.
    if (unfinished === undefined || this.pause !== undefined || this.socket.readableLength > 0) {
      this.watch = { sinceMs: nowMs, missing: unfinished?.missing ?? 0 };
      return;
    }
    if (nowMs - this.watch.sinceMs < unfinishedMs) return;
    const { length, missing } = unfinished;
    const grown = this.watch.missing - missing;
    this.watch = { sinceMs: nowMs, missing };
    if (grown < length / 20) this.refuse({ reason: `packet unfinished for ${unfinishedMs} ms`, bytes: length });
  }

  begin(type: number, length: number, chunk: Buffer, at: number): 'go' | 'stop' {
    const { limits, unfinished } = this.options;
    if (this.connects === 0 && type !== PacketType.connect)
      return this.refuse({ reason: 'the first packet is not CONNECT' });
    if (length > (type === PacketType.publish ? limits.publishBytes : limits.controlBytes)) {
      const topic = type === PacketType.publish ? topicOf(chunk, at) : undefined;
      return this.refuse({
        reason: 'packet too long',
        bytes: length,
        ...(topic === undefined ? undefined : { topic }),
      });
    }
    if (chunk.length - at >= length) return 'go';
    const room = length >= LARGE_BYTES ? unfinished.large : unfinished.small;
    this.watch = { sinceMs: performance.now(), missing: length };
    this.reserved = { room, bytes: length };
    if (room.tryTake(length)) return 'go';
    this.pause = 'unfinished';
    room.wait(this, length);
    return 'stop';
  }

  end(type: number): 'go' | 'stop' {
    this.handed++;
    this.reserved?.room.give(this.reserved.bytes);
    this.reserved = undefined;
    if (type === PacketType.disconnect) this.goodbye = true;
    if (type !== PacketType.connect || this.connects++ > 0) return 'go';
    // The broker keeps what comes before it has answered CONNECT in a short queue of its own.
    this.pause = 'connect';
    return 'stop';
  }

  malformed(): void {
    this.refuse({ reason: 'malformed remaining length' });
  }

  /** There is room: of a `Room`. */
  resume(): void {
    this.goOn(this.pause);
  }

  private goOn(pause: Pause | undefined): void {
    if (this.closed || this.pause !== pause || pause === 'shut') return;
    this.pause = undefined;
    this.turn = pause === 'held';
    this.watch.sinceMs = performance.now();
    this.socket.emit('readable');
  }

  /**
   * The broker reads on when as many packets are answered as it was given, and takes each `readable` for one of them. A device whose packets wait for the log would so be read
   * chunk by chunk, and its PINGREQ stay unanswered: it is told often enough to read now.
   */
  private readable(emit: Emit): boolean {
    this.asked = false;
    let left = this.handed;
    let heard = emit('readable');
    while (!this.asked && left-- > 0 && heard) heard = emit('readable');
    return heard;
  }

  private read(): Buffer | null {
    this.asked = true;
    if (this.pause !== undefined || this.closed) return null;
    if (!this.turn && !this.options.held.open) {
      this.pause = 'held';
      this.options.held.wait(this, 0);
      return null;
    }
    this.turn = false;
    const chunk = this.readSocket();
    if (chunk === null) return null;
    this.handed = 0;
    let end = this.scanner.scan(chunk);
    // Of a packet that was refused the broker is to see nothing.
    if (this.stopped) end = this.scanner.packetAt;
    else if (end < chunk.length) this.socket.unshift(chunk.subarray(end));
    return end === 0 ? null : chunk.subarray(0, end);
  }

  private refuse(refused: RefusedPacket): 'stop' {
    this.shut();
    // Not in the middle of a read: what came before is handed over first.
    setImmediate(() => {
      if (this.socket.destroyed) return;
      this.options.onRefused(this, refused);
      this.socket.destroy();
    });
    return 'stop';
  }

  private get stopped(): boolean {
    return this.pause === 'shut';
  }

  private leaveRooms(): void {
    const waiting = this.pause === 'unfinished';
    this.options.held.leave(this);
    if (waiting) this.reserved?.room.leave(this);
    else this.reserved?.room.give(this.reserved.bytes);
    this.reserved = undefined;
  }

  private close(): void {
    this.closed = true;
    this.shut();
    this.options.held.give(this.forwarding);
    this.forwarding = 0;
    this.options.onClosed(this);
  }
}

/** Topic of a PUBLISH whose body begins there, as far as it has arrived. */
function topicOf(chunk: Buffer, at: number): string | undefined {
  if (chunk.length < at + 2) return undefined;
  const end = at + 2 + chunk.readUInt16BE(at);
  return end > chunk.length ? undefined : chunk.toString('utf8', at + 2, Math.min(end, at + 2 + 1024));
}
