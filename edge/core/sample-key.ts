import { putZigzag } from './byte-writer.ts';
import { ORDINARY_BYTES, SAMPLE_SCHEMA_ID } from './sample-codec.ts';

/** Longer keys than this have no template. */
const MAX_TEMPLATE_KEY = 1000;
/** What stands behind the key in a template: length of the value, magic and schema. */
const BEHIND_BYTES = 1 + 1 + 4;
/** What a template takes beside the key: its length, what stands behind it, and room to read beyond the end. */
const AROUND_BYTES = 2 + BEHIND_BYTES + 3;
/** Templates lie together: memory of its own for each of 250,000 would be three times as much. */
const CHUNK_BYTES = 64 * 1024;

let chunk = new Uint8Array(CHUNK_BYTES);
let chunkView = new DataView(chunk.buffer);
let chunkUsed = 0;

/**
 * The key of a tag's records, made once for each tag. Beside its bytes stands what nearly all of the tag's records have in common (key with its length, length of the value,
 * magic, schema): an encoder copies it as ten words.
 */
export class SampleKey {
  private own: Uint8Array | undefined;
  /** Where the template lies: `length` bytes from `start` on, and at least three more that can be read. */
  readonly template: DataView;
  readonly start: number;
  /** 0: the key is too long for a template. */
  readonly length: number;

  constructor(bytes: Uint8Array) {
    const hasTemplate = bytes.length <= MAX_TEMPLATE_KEY;
    const room = hasTemplate ? bytes.length + AROUND_BYTES : 0;
    if (chunkUsed + room > CHUNK_BYTES) {
      chunk = new Uint8Array(CHUNK_BYTES);
      chunkView = new DataView(chunk.buffer);
      chunkUsed = 0;
    }
    this.template = chunkView;
    this.start = chunkUsed;
    chunkUsed += room;
    if (!hasTemplate) {
      this.own = bytes;
      this.length = 0;
      return;
    }
    const keyAt = putZigzag(chunk, this.start, bytes.length);
    chunk.set(bytes, keyAt);
    const valueAt = putZigzag(chunk, keyAt + bytes.length, ORDINARY_BYTES);
    chunkView.setUint8(valueAt, 0);
    chunkView.setUint32(valueAt + 1, SAMPLE_SCHEMA_ID);
    this.length = valueAt + 5 - this.start;
  }

  /** The key itself. Made when it is first asked for: most tags never need it, and 100,000 views take 10 MB. */
  get bytes(): Uint8Array {
    this.own ??= this.view();
    return this.own;
  }

  private view(): Uint8Array {
    const { template, start, length } = this;
    // Its length takes a second byte where the first one says so.
    const before = template.getUint8(start) > 0x7f ? 2 : 1;
    return new Uint8Array(template.buffer, start + before, length - before - BEHIND_BYTES);
  }

  /** The key of a tag: its absolute path as UTF-8. */
  static of(path: string): SampleKey {
    return new SampleKey(new TextEncoder().encode(path));
  }
}
