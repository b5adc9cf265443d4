import type * as Arrow from 'apache-arrow';
import type { Data, RecordBatch, Schema } from 'apache-arrow';
import { kindName, ValueKind } from '../../edge/core/sample.ts';
import type { HistoryPage } from '../queries/history.ts';
import { type Blobs, type Optional, WideRows } from './wide.ts';

/** Name, in the metadata of a record batch, of the gaps of its span: JSON, times in µs. */
const GAPS = 'millrace.gaps';

/** Pages of history as Arrow record batches; all of them share one dictionary of tags, and one of kinds. */
export class HistoryBatches {
  readonly schema: Schema;
  private readonly arrow: typeof Arrow;
  private readonly numbers: ReadonlyMap<string, number>;
  private readonly tags;
  private readonly kinds;
  private readonly types;

  /** `tags`: every tag that a page can be of. */
  constructor(arrow: typeof Arrow, tags: readonly string[]) {
    this.arrow = arrow;
    const { Binary, Field, Float64, Int64, Uint32, Uint64, Utf8 } = arrow;
    const paths = [...new Set(tags)];
    this.numbers = new Map(paths.map((tag, number) => [tag, number]));
    this.tags = arrow.vectorFromArray(paths, new Utf8());
    const names = Object.values(ValueKind).map((kind) => kindName(kind));
    this.kinds = arrow.vectorFromArray(names, new Utf8());
    this.types = {
      time: new arrow.TimestampMicrosecond('UTC'),
      tag: new arrow.Dictionary(new Utf8(), new arrow.Int32(), 0),
      kind: new arrow.Dictionary(new Utf8(), new arrow.Int32(), 1),
      value: new Float64(),
      integer: new Int64(),
      unsigned: new Uint64(),
      text: new Utf8(),
      bytes: new Binary(),
      quality: new Uint32(),
      flags: new Uint32(),
      device_time: new arrow.TimestampMicrosecond('UTC'),
      server_time: new arrow.TimestampMicrosecond('UTC'),
    };
    const always = new Set(['time', 'tag', 'kind', 'quality', 'flags']);
    this.schema = new arrow.Schema(
      Object.entries(this.types).map(([name, type]) => new Field(name, type, !always.has(name))),
    );
  }

  /** One page; its gaps are in the metadata of the batch. */
  of(page: HistoryPage): RecordBatch {
    const { arrow, types } = this;
    const rows = new WideRows(page.points);
    const { count } = rows;
    const tags = new Int32Array(count).fill(this.numbers.get(page.tag) ?? 0);
    const children: Data[] = [
      arrow.makeData({ type: types.time, data: rows.times() }),
      arrow.makeData({ type: types.tag, data: tags, dictionary: this.tags }),
      arrow.makeData({ type: types.kind, data: Int32Array.from(rows.kinds()), dictionary: this.kinds }),
      arrow.makeData({ type: types.value, ...numbers(rows.values()) }),
      arrow.makeData({ type: types.integer, ...numbers(rows.integers()) }),
      arrow.makeData({ type: types.unsigned, ...numbers(rows.unsigned()) }),
      arrow.makeData({ type: types.text, ...blobs(rows.texts()) }),
      arrow.makeData({ type: types.bytes, ...blobs(rows.bytes()) }),
      arrow.makeData({ type: types.quality, data: rows.qualities() }),
      arrow.makeData({ type: types.flags, data: rows.flags() }),
      arrow.makeData({ type: types.device_time, ...numbers(rows.deviceTimes()) }),
      arrow.makeData({ type: types.server_time, ...numbers(rows.serverTimes()) }),
    ];
    const data = arrow.makeData({ type: new arrow.Struct(this.schema.fields), length: count, nullCount: 0, children });
    const metadata = page.gaps.length === 0 ? [] : [[GAPS, JSON.stringify(page.gaps)] as const];
    return new arrow.RecordBatch(this.schema, data, new Map(metadata));
  }
}

function numbers<Items>({ items, bits, nulls }: Optional<Items>): {
  data: Items;
  nullBitmap: Uint8Array;
  nullCount: number;
} {
  return { data: items, nullBitmap: bits, nullCount: nulls };
}

function blobs({ bytes, offsets, bits, nulls }: Blobs): {
  data: Uint8Array;
  valueOffsets: Int32Array;
  nullBitmap: Uint8Array;
  nullCount: number;
} {
  return { data: bytes, valueOffsets: offsets, nullBitmap: bits, nullCount: nulls };
}
