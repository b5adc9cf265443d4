import { putZigzag } from './byte-writer.ts';
import { ORDINARY_BYTES, SAMPLE_SCHEMA_ID } from './sample-codec.ts';

/** Longer keys than this have no template. */
const MAX_TEMPLATE_KEY = 1000;
/** What stands around the key in a template: its length, length of the value, magic and schema; and room to read beyond the end. */
const AROUND_BYTES = 2 + 1 + 1 + 4 + 3;
/** Templates lie together: memory of its own for each of 250,000 would be three times as much. */
const CHUNK_BYTES = 64 * 1024;

let chunk = new DataView(new ArrayBuffer(CHUNK_BYTES));
let chunkUsed = 0;

/**
 * The key of a tag's records, made once for each tag. Beside its bytes stands what nearly all of the tag's records have in common (key with its length, length of the value,
 * magic, schema): an encoder copies it as ten words.
 */
export class SampleKey {
  readonly bytes: Uint8Array;
  /** Where the template lies: `length` bytes from `start` on, and at least three more that can be read. */
  readonly template: DataView;
  readonly start: number;
  /** 0: the key is too long for a template. */
  readonly length: number;

  constructor(bytes: Uint8Array) {
    const hasTemplate = bytes.length <= MAX_TEMPLATE_KEY;
    const room = hasTemplate ? bytes.length + AROUND_BYTES : 0;
    if (chunkUsed + room > CHUNK_BYTES) {
      chunk = new DataView(new ArrayBuffer(CHUNK_BYTES));
      chunkUsed = 0;
    }
    this.template = chunk;
    this.start = chunkUsed;
    chunkUsed += room;
    if (!hasTemplate) {
      this.bytes = bytes;
      this.length = 0;
      return;
    }
    const all = new Uint8Array(chunk.buffer);
    const keyAt = putZigzag(all, this.start, bytes.length);
    this.bytes = all.subarray(keyAt, keyAt + bytes.length);
    this.bytes.set(bytes);
    const valueAt = putZigzag(all, keyAt + bytes.length, ORDINARY_BYTES);
    chunk.setUint8(valueAt, 0);
    chunk.setUint32(valueAt + 1, SAMPLE_SCHEMA_ID);
    this.length = valueAt + 5 - this.start;
  }

  /** The key of a tag: its absolute path as UTF-8. */
  static of(path: string): SampleKey {
    return new SampleKey(new TextEncoder().encode(path));
  }
}
