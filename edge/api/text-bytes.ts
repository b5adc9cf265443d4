import { putInteger, putShortest, putSix, putTwo, withoutZeros } from './digits.ts';
import { dateText, DAY_US } from './time-text.ts';
import { numberText } from './value-text.ts';

/** Text is handed on in pieces of about so many bytes. */
const PIECE_BYTES = 64 * 1024;
/** A row goes beyond the end of its piece by about so much. */
const ROW_BYTES = 4096;
/** Times and numbers take no more than this. */
const FIELD_BYTES = 40;

/** Decimal places that are tried, and the numbers for which they are. */
const MILLION = 1_000_000;
const FEW_DIGITS = 1e9;

const [DOT, MINUS, COLON, ZULU] = [46, 45, 58, 90];

const encoder = new TextEncoder();

/**
 * Text in the making, as UTF-8 bytes. For answers with many times and numbers: a row of JSON takes half of the time that it takes out of strings, which are made, joined and flattened. The
 * pieces are strings nevertheless: memory of buffers, half a megabyte an answer, has the whole heap collected every 50 answers, which took longer than the text.
 */
export class TextBytes {
  private bytes = Buffer.allocUnsafeSlow(PIECE_BYTES + ROW_BYTES);
  private length = 0;
  private day = Number.NaN;
  private date: Uint8Array = new Uint8Array(0);

  /** Whether there is enough for a piece. */
  get isFull(): boolean {
    return this.length >= PIECE_BYTES;
  }

  /** What was added since the last time. */
  take(): string {
    const piece = this.bytes.toString('utf8', 0, this.length);
    this.length = 0;
    return piece;
  }

  /** Adds bytes of text. */
  raw(text: Uint8Array): void {
    this.ensure(text.length);
    const { bytes, length } = this;
    // From here on a call takes less than a loop.
    if (text.length > 24) bytes.set(text, length);
    else for (let i = 0; i < text.length; i++) bytes[length + i] = text[i] ?? 0;
    this.length = length + text.length;
  }

  /** Adds any text. */
  text(text: string): void {
    // A unit of UTF-16 takes at most three bytes.
    this.ensure(text.length * 3);
    const { bytes, length } = this;
    for (let i = 0; i < text.length; i++) {
      const unit = text.charCodeAt(i);
      if (unit >= 0x80) {
        this.length += encoder.encodeInto(text, bytes.subarray(length)).written;
        return;
      }
      bytes[length + i] = unit;
    }
    this.length = length + text.length;
  }

  /** Adds a time, as `formatTime` writes it. */
  time(timeUs: number): void {
    const days = Math.floor(timeUs / DAY_US);
    if (days !== this.day) {
      this.date = encoder.encode(dateText(days));
      this.day = days;
    }
    this.raw(this.date);
    this.ensure(FIELD_BYTES);
    const us = timeUs - days * DAY_US;
    const seconds = Math.floor(us / MILLION);
    const minutes = (seconds / 60) | 0;
    const hours = (minutes / 60) | 0;
    const { bytes, length } = this;
    putTwo(bytes, length, hours);
    bytes[length + 2] = COLON;
    putTwo(bytes, length + 3, minutes - hours * 60);
    bytes[length + 5] = COLON;
    putTwo(bytes, length + 6, seconds - minutes * 60);
    bytes[length + 8] = DOT;
    putSix(bytes, length + 9, us - seconds * MILLION);
    bytes[length + 15] = ZULU;
    this.length = length + 16;
  }

  /**
   * Adds a number, as `numberText` writes it. One with up to six decimal places, as most of a plant are, is k / 10^6 with k of at most 15 digits, and no shorter text reads as the same double:
   * of two decimals of so few digits none are the same double. Then its digits are those of k, in a fifth of the time.
   */
  number(value: number): void {
    const magnitude = Math.abs(value);
    const k = Math.floor(magnitude * MILLION + 0.5);
    if (!(magnitude < FEW_DIGITS && k / MILLION === magnitude && (k > 0 || Object.is(value, 0))))
      return this.anyNumber(value, magnitude);
    this.ensure(FIELD_BYTES);
    const { bytes } = this;
    if (value < 0) bytes[this.length++] = MINUS;
    const whole = Math.floor(k / MILLION);
    let at = putInteger(bytes, this.length, whole);
    const fraction = k - whole * MILLION;
    if (fraction !== 0) {
      bytes[at] = DOT;
      putSix(bytes, at + 1, fraction);
      at = withoutZeros(bytes, at + 7);
    }
    this.length = at;
  }

  private anyNumber(value: number, magnitude: number): void {
    this.ensure(FIELD_BYTES);
    const { bytes, length } = this;
    const at = value < 0 ? length + 1 : length;
    const end = putShortest(bytes, at, magnitude);
    if (end === at) return this.text(numberText(value));
    if (at > length) bytes[length] = MINUS;
    this.length = end;
  }

  private ensure(count: number): void {
    if (this.length + count <= this.bytes.length) return;
    const grown = Buffer.allocUnsafeSlow(Math.max(this.bytes.length * 2, this.length + count));
    grown.set(this.bytes.subarray(0, this.length));
    this.bytes = grown;
  }
}
