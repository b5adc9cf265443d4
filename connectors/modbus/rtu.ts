import { crc16 } from './crc16.ts';
import { type Framing, joined, NO_BYTES } from './framing.ts';
import {
  type Answer,
  broken,
  type Broken,
  dataBytesOf,
  functionOf,
  isFunctionOf,
  pduOf,
  readAnswer,
  type Request,
} from './request.ts';

/** Unit, function, exception code, CRC. */
const EXCEPTION_BYTES = 5;
/** Unit, function, byte count, CRC. */
const OVERHEAD_BYTES = 5;
const CRC_BYTES = 2;
const MAX_FRAME_BYTES = 256;

/**
 * RTU frames (Modbus over serial line V1.02, section 2.5.1), in a stream without the silences between them: lengths come from what was asked. The answer is found wherever it
 * begins, by unit, function, byte count and checksum. Answers have no number: an answer to an earlier question can only be told by these.
 */
export class Rtu implements Framing {
  readonly numbered = false;
  discardedBytes = 0;
  private rest: Uint8Array = NO_BYTES;
  private expected: Request | undefined;
  /** Units that did not answer in time, and may yet. */
  private readonly late = new Set<number>();

  ask(request: Request): Uint8Array {
    this.expected = request;
    this.rest = NO_BYTES;
    const frame = new Uint8Array(8);
    frame[0] = request.unit;
    frame.set(pduOf(request), 1);
    new DataView(frame.buffer).setUint16(6, crc16(frame, 0, 6), true);
    return frame;
  }

  receive(chunk: Uint8Array): Answer | Broken | undefined {
    const { expected } = this;
    if (expected === undefined) {
      this.discardedBytes += chunk.length;
      return undefined;
    }
    let bytes = joined(this.rest, chunk);
    for (;;) {
      const answer = this.find(bytes, expected);
      if (answer !== undefined) return this.finish(answer);
      const length = lengthOf(bytes);
      if (length === undefined || bytes.length < length) break;
      if (!isWhole(bytes, 0, length)) return this.finish(broken('a wrong checksum'));
      const [unit = 0] = bytes;
      if (unit === expected.unit || !this.late.delete(unit)) return this.finish(wrong(bytes, length, expected));
      this.discardedBytes += length;
      bytes = bytes.subarray(length);
    }
    // An answer that begins in the part that goes would be complete.
    const surplus = Math.max(0, bytes.length - MAX_FRAME_BYTES);
    this.discardedBytes += surplus;
    this.rest = bytes.slice(surplus);
    return undefined;
  }

  giveUp(): Broken | undefined {
    const { expected, rest } = this;
    if (expected !== undefined) this.late.add(expected.unit);
    this.expected = undefined;
    this.rest = NO_BYTES;
    this.discardedBytes += rest.length;
    if (rest.length === 0) return undefined;
    const [unit, code = 0] = rest;
    const torn = expected !== undefined && unit === expected.unit && (rest.length < 2 || isFunctionOf(expected, code));
    if (torn) return broken('an answer that ends too early');
    return { ...broken('bytes that are no answer'), adrift: true };
  }

  private finish(outcome: Answer | Broken): Answer | Broken {
    this.expected = undefined;
    this.rest = NO_BYTES;
    if (outcome.type !== 'broken') this.discardedBytes = 0;
    return outcome;
  }

  /** The answer, wherever in the bytes it is; of its checksum all 16 bits must be right. */
  private find(bytes: Uint8Array, expected: Request): Answer | undefined {
    const dataBytes = dataBytesOf(expected);
    const code = functionOf(expected);
    for (let at = 0; at + EXCEPTION_BYTES <= bytes.length; at++) {
      if (bytes[at] !== expected.unit || !isFunctionOf(expected, bytes[at + 1] ?? 0)) continue;
      const isData = bytes[at + 1] === code;
      if (isData && bytes[at + 2] !== dataBytes) continue;
      const length = isData ? OVERHEAD_BYTES + dataBytes : EXCEPTION_BYTES;
      if (at + length > bytes.length || !isWhole(bytes, at, at + length)) continue;
      const answer = readAnswer(bytes.subarray(at + 1, at + length - CRC_BYTES), expected);
      if (answer.type !== 'broken') return answer;
    }
    return undefined;
  }
}

/** Length of the frame at the beginning of the bytes, by its own account; undefined if they do not tell. */
function lengthOf(bytes: Uint8Array): number | undefined {
  const [, code = 0, count = 0] = bytes;
  if (bytes.length < 3) return undefined;
  if ((code & 0x80) !== 0) return EXCEPTION_BYTES;
  return code >= 1 && code <= 4 ? OVERHEAD_BYTES + count : undefined;
}

function isWhole(bytes: Uint8Array, start: number, end: number): boolean {
  return crc16(bytes, start, end - CRC_BYTES) === ((bytes[end - 2] ?? 0) | ((bytes[end - 1] ?? 0) << 8));
}

/** A whole frame that is not the answer. */
function wrong(bytes: Uint8Array, length: number, expected: Request): Broken {
  const [unit = 0] = bytes;
  if (unit !== expected.unit) return broken(`unit ${unit} answered, ${expected.unit} was asked`);
  const read = readAnswer(bytes.subarray(1, length - CRC_BYTES), expected);
  return read.type === 'broken' ? read : broken('an answer that is not understood');
}
