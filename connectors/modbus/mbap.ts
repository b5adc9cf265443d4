import { type Framing, joined, NO_BYTES } from './framing.ts';
import {
  type Answer,
  broken,
  type Broken,
  dataBytesOf,
  isFunctionOf,
  pduOf,
  readAnswer,
  type Request,
} from './request.ts';

/** Transaction id, protocol id (0), length of what follows, unit (MODBUS Messaging on TCP/IP 1.0b, section 3.1.3). */
const HEADER_BYTES = 7;
/** Unit, function and one byte; unit and the largest PDU. */
const MIN_LENGTH = 3;
const MAX_LENGTH = 254;
/** Answers that may yet come to questions that were given up; the oldest are forgotten. */
const MAX_LATE = 256;

interface Expected {
  readonly id: number;
  readonly request: Request;
}

/**
 * Modbus TCP. Late answers are known by their transaction id and dropped. Where the stream holds no header at the place where one must be, the header of the next answer
 * that is waited for is searched for: transaction, protocol, unit and function must all be right.
 */
export class Mbap implements Framing {
  readonly numbered = true;
  discardedBytes = 0;
  private rest: Uint8Array = NO_BYTES;
  private expected: Expected | undefined;
  private readonly late = new Set<number>();
  private id = 0;
  private searching = false;
  /** Bytes came since the question that were no late answer. */
  private disturbed = false;

  ask(request: Request): Uint8Array {
    this.id = (this.id + 1) & 0xffff;
    this.late.delete(this.id);
    this.expected = { id: this.id, request };
    this.disturbed = false;
    // What came in the meantime and has no end: the answer may begin in the midst of what it pretends to be.
    if (this.rest.length > 0) this.searching = true;
    const pdu = pduOf(request);
    const frame = new Uint8Array(HEADER_BYTES + pdu.length);
    const view = new DataView(frame.buffer);
    view.setUint16(0, this.id);
    view.setUint16(4, 1 + pdu.length);
    view.setUint8(6, request.unit);
    frame.set(pdu, HEADER_BYTES);
    return frame;
  }

  receive(chunk: Uint8Array): Answer | Broken | undefined {
    const bytes = joined(this.rest, chunk);
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    let at = 0;
    let outcome: Answer | Broken | undefined;
    for (;;) {
      if (this.searching) {
        const found = this.search(bytes, at);
        this.discard(found - at);
        at = found;
      }
      if (this.searching || bytes.length - at <= HEADER_BYTES) break;
      const length = view.getUint16(at + 4);
      if (view.getUint16(at + 2) !== 0 || length < MIN_LENGTH || length > MAX_LENGTH) {
        this.searching = true;
        continue;
      }
      const end = at + HEADER_BYTES - 1 + length;
      if (end > bytes.length) break;
      outcome ??= this.frame(view.getUint16(at), bytes.subarray(at + HEADER_BYTES - 1, end));
      at = end;
    }
    this.rest = bytes.slice(at);
    return outcome;
  }

  giveUp(): Broken | undefined {
    const { expected } = this;
    if (expected !== undefined) this.abandon(expected);
    const torn = this.rest.length > 0;
    const adrift = this.searching;
    const { disturbed } = this;
    // What is still missing of a torn frame may come later, before the next answer.
    if (torn) this.searching = true;
    this.discard(this.rest.length);
    this.rest = NO_BYTES;
    if (adrift && (torn || disturbed)) return { ...broken('bytes that are no answer'), adrift: true };
    return torn ? broken('an answer that ends too early') : undefined;
  }

  /** Where the header of the answer begins; where it could yet begin if it is not there. */
  private search(bytes: Uint8Array, start: number): number {
    const { expected } = this;
    if (expected === undefined) return bytes.length;
    const most = MIN_LENGTH - 1 + dataBytesOf(expected.request) + 1;
    let at = start;
    for (; at + HEADER_BYTES < bytes.length; at++) {
      const [high, low, p0, p1, l0, l1 = 0, unit, code = 0] = bytes.subarray(at, at + HEADER_BYTES + 1);
      if (high !== expected.id >> 8 || low !== (expected.id & 0xff) || p0 !== 0 || p1 !== 0 || l0 !== 0) continue;
      if (l1 < MIN_LENGTH || l1 > most || unit !== expected.request.unit) continue;
      if (!isFunctionOf(expected.request, code)) continue;
      this.searching = false;
      return at;
    }
    return at;
  }

  /** `frame` begins with the unit. */
  private frame(id: number, frame: Uint8Array): Answer | Broken | undefined {
    const { expected } = this;
    if (expected === undefined || id !== expected.id)
      return this.foreign(id, frame.length + HEADER_BYTES - 1, expected);
    this.expected = undefined;
    const [unit = 0] = frame;
    if (unit !== expected.request.unit) return broken(`unit ${unit} answered, ${expected.request.unit} was asked`);
    const answer = readAnswer(frame.subarray(1), expected.request);
    if (answer.type !== 'broken') this.discardedBytes = 0;
    return answer;
  }

  private foreign(id: number, bytes: number, expected: Expected | undefined): Broken | undefined {
    this.discardedBytes += bytes;
    if (this.late.delete(id) || expected === undefined) return undefined;
    this.abandon(expected);
    return broken(`an answer to transaction ${id}, which is not under way`);
  }

  private abandon({ id }: Expected): void {
    this.expected = undefined;
    this.late.add(id);
    const [oldest] = this.late;
    if (this.late.size > MAX_LATE && oldest !== undefined) this.late.delete(oldest);
  }

  private discard(bytes: number): void {
    this.discardedBytes += bytes;
    if (bytes > 0) this.disturbed = true;
  }
}
