import { RecordCursor } from '../../core/record-cursor.ts';
import { SampleReader } from '../../core/sample-codec.ts';
import { TagKeys } from '../../core/tag-keys.ts';

/** Decodes batches as consumers do: records, the tag by the bytes of its key, the sample. */
export class SampleDecoder {
  private readonly cursor = new RecordCursor();
  private readonly sample = new SampleReader();
  private readonly tags = new TagKeys();
  /** Of all values: what is decoded must be used, or the compiler leaves it out. */
  private sum = 0;

  /** Tags met so far. */
  get tagCount(): number {
    return this.tags.count;
  }

  /** Decodes whole batches back to back. Returns how many samples they held. */
  decode(bytes: Uint8Array): number {
    const { cursor, sample, tags } = this;
    let samples = 0;
    for (let at = 0; at < bytes.length;) {
      at = cursor.open(bytes, at);
      for (; cursor.next(); samples++) {
        this.sum += tags.idOf(cursor.data, cursor.keyStart, cursor.keyEnd);
        sample.read(cursor.data, cursor.valueStart, cursor.valueEnd);
        this.sum += Number(sample.value);
      }
    }
    return samples;
  }
}
