import type * as Arrow from 'apache-arrow';
import type { RecordBatch, Schema } from 'apache-arrow';

/** Record batches as an Arrow IPC stream (Apache Arrow Columnar Format, "IPC Streaming Format"), piece by piece: nothing of a batch is kept once its piece was taken. */
export class ArrowPieces {
  private parts: Uint8Array[] = [];
  private readonly writer;

  constructor(arrow: typeof Arrow, schema: Schema) {
    const take = (part: Uint8Array): void => void this.parts.push(part);
    // The writer takes queues of its own kind alone; this one keeps nothing back for a reader that waits.
    const sink = new (class extends arrow.AsyncByteQueue {
      override write(part: Uint8Array): void {
        take(part);
      }
    })();
    this.writer = new arrow.RecordBatchStreamWriter();
    this.writer.reset(sink, schema);
  }

  /** The bytes of one batch; before those of the first one stands the schema. */
  add(batch: RecordBatch): Uint8Array<ArrayBuffer> {
    this.writer.write(batch);
    return this.taken();
  }

  /** What stands at the end of the stream; of one without batches all of it. */
  end(): Uint8Array<ArrayBuffer> {
    this.writer.reset();
    return this.taken();
  }

  private taken(): Uint8Array<ArrayBuffer> {
    const piece = Buffer.concat(this.parts);
    this.parts = [];
    return piece;
  }
}
