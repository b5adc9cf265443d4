import { assert } from '../../edge/core/fault.ts';
import { Class, classOf, ResultCode } from './status.ts';

/** Samples of a piece, at most so many at a time: what the tallies have in the processor's cache. */
const CAPACITY = 2048;

/** Samples with distinct ascending times. */
export class Chunk {
  count = 0;
  readonly times = new Float64Array(CAPACITY);
  readonly values = new Float64Array(CAPACITY);
  readonly codes = new Uint32Array(CAPACITY);
  readonly classes = new Uint8Array(CAPACITY);
  /** 1: superseded other samples of the same time. */
  readonly extras = new Uint8Array(CAPACITY);

  push(timeUs: number, value: number, code: number, sampleClass: number, extra: number): void {
    const i = this.count++;
    this.times[i] = timeUs;
    this.values[i] = value;
    this.codes[i] = code;
    this.classes[i] = sampleClass;
    this.extras[i] = extra;
  }
}

/** What an intake knows, as plain data. */
export type IntakeState = readonly number[];

/**
 * Samples as they come made into samples as aggregates see them: of several at the same time the last of the best severity, a value that is no finite number as Bad, and no placeholders
 * (Bad_NoData) before the first sample. The last sample waits for what may come of the same time.
 */
export class Intake {
  /** Time of the first sample; NaN: none yet. */
  firstUs = Number.NaN;
  /** Time of the last sample; NaN: none yet. */
  lastUs = Number.NaN;
  private waiting = false;
  private value = 0;
  private code = 0;
  private sampleClass = 0;
  private extra = 0;

  state(): IntakeState {
    const { firstUs, lastUs, waiting, value, code, sampleClass, extra } = this;
    return [firstUs, lastUs, waiting ? 1 : 0, value, code, sampleClass, extra];
  }

  restore(state: IntakeState): void {
    const [firstUs, lastUs, waiting, value, code, sampleClass, extra] = state;
    this.firstUs = firstUs ?? Number.NaN;
    this.lastUs = lastUs ?? Number.NaN;
    this.waiting = waiting === 1;
    this.value = value ?? 0;
    this.code = code ?? 0;
    this.sampleClass = sampleClass ?? 0;
    this.extra = extra ?? 0;
  }

  /** Takes samples `from` to `to`, or as many as the chunk has room for, and returns where it stopped. */
  fill(chunk: Chunk, times: Float64Array, values: Float64Array, codes: Uint32Array, from: number, to: number): number {
    const end = Math.min(to, from + CAPACITY);
    chunk.count = 0;
    let i = from;
    while (i < end && Number.isNaN(this.firstUs) && isPlaceholder(codes[i] ?? 0)) i++;
    for (; i < end; i++) {
      const timeUs = times[i] ?? 0;
      const value = values[i] ?? 0;
      let code = codes[i] ?? 0;
      let sampleClass = classOf(code);
      // The difference is NaN for infinities too.
      if (sampleClass !== Class.bad && Number.isNaN(value - value)) {
        sampleClass = Class.bad;
        code = ResultCode.Bad;
      }
      if (this.waiting && timeUs === this.lastUs) {
        this.extra = 1;
        if (sampleClass > this.sampleClass) continue;
      } else {
        assert(!(timeUs <= this.lastUs), 'samples come in the order of time');
        if (this.waiting) chunk.push(this.lastUs, this.value, this.code, this.sampleClass, this.extra);
        else if (Number.isNaN(this.firstUs)) this.firstUs = timeUs;
        this.waiting = true;
        this.lastUs = timeUs;
        this.extra = 0;
      }
      this.value = value;
      this.code = code;
      this.sampleClass = sampleClass;
    }
    return i;
  }

  /** Gives the sample that waits, if there is one. */
  flush(chunk: Chunk): void {
    chunk.count = 0;
    if (this.waiting) chunk.push(this.lastUs, this.value, this.code, this.sampleClass, this.extra);
    this.waiting = false;
  }

  /** Samples of this span went by without being looked at. */
  skip(firstUs: number, lastUs: number): void {
    if (Number.isNaN(this.firstUs)) this.firstUs = firstUs;
    this.lastUs = lastUs;
  }
}

function isPlaceholder(code: number): boolean {
  return (code & 0xffff0000) >>> 0 === ResultCode.BadNoData;
}
