import { type ArrayValue, kindName, ValueKind } from '../../edge/core/sample.ts';
import { applyAll, batchOf, EVER, LOG, pageOf, type Tagged, TestFolder } from '../kit/history-kit.ts';
import type { HistoryPage } from '../queries/history.ts';
import type { HistoricSample } from '../points/points.ts';
import { Store } from '../store/store.ts';
import { arrayText } from './array-text.ts';

/** For tests: what one row holds, whoever read it. */
export interface WideRow {
  readonly time: bigint | number;
  readonly tag: string;
  readonly kind: string;
  readonly value: number | null;
  readonly integer: bigint | null;
  readonly unsigned: bigint | null;
  readonly text: string | null;
  readonly bytes: Uint8Array | null;
  readonly quality: number;
  readonly flags: number;
  readonly deviceTime: bigint | number | null;
  readonly serverTime: bigint | number | null;
}

/** A row as text that tells every bit of it. */
export function rowText(row: WideRow): string {
  const { time, tag, kind, value, integer, unsigned, text, bytes, quality, flags, deviceTime, serverTime } = row;
  const bits = value === null ? null : Buffer.from(Float64Array.of(value).buffer).toString('hex');
  const letters = hex(text === null ? null : Buffer.from(text));
  const cells = [time, tag, kind, bits, integer, unsigned, letters, hex(bytes), quality, flags, deviceTime, serverTime];
  return cells.map((cell) => (cell === null ? '-' : String(cell))).join(' ');
}

function hex(blob: Uint8Array | null): string | null {
  return blob === null ? null : `x${Buffer.from(blob).toString('hex')}`;
}

/** The row of a sample. */
function rowOf(tag: string, sample: HistoricSample): string {
  const { timeUs, kind, value, quality, flags, deviceTimeUs, serverTimeUs } = sample;
  const isNumber = typeof value === 'number' || typeof value === 'bigint' || typeof value === 'boolean';
  const array = kind === ValueKind.array ? arrayText(value as ArrayValue) : null;
  return rowText({
    time: timeUs,
    tag,
    kind: kindName(kind),
    value: isNumber ? Number(value) : null,
    integer: kind === ValueKind.long ? BigInt(value as number | bigint) : null,
    unsigned: kind === ValueKind.uint64 ? (value as bigint) : null,
    text: typeof value === 'string' ? value : array,
    bytes: value instanceof Uint8Array ? value : null,
    quality,
    flags,
    deviceTime: deviceTimeUs,
    serverTime: serverTimeUs,
  });
}

/** Samples in a real store, read tag by tag in pages of so many rows; and the rows that they are. */
export async function pagesOfSamples(
  samples: readonly Tagged[],
  pageRows: number,
): Promise<{ pages: HistoryPage[]; rows: string[] }> {
  using folder = new TestFolder();
  const store = new Store({ folder: folder.file('historian'), log: LOG });
  store.open();
  const pages: HistoryPage[] = [];
  if (samples.length > 0) await applyAll(store, [batchOf(samples, 0)]);
  for (const tag of new Set(samples.map((sample) => sample.tag))) {
    for (let after: HistoryPage['next'] | undefined; after !== null;) {
      const page = pageOf(store, { tag, ...EVER, limit: pageRows, after: after ?? undefined });
      pages.push(page);
      after = page.next;
    }
  }
  await store.close();
  return { pages, rows: pages.flatMap((page) => [...page.samples()].map((sample) => rowOf(page.tag, sample))) };
}

/** Python that reads an Arrow stream on standard input with pyarrow, pandas and polars, and prints for each the texts of its rows as JSON. */
export const READERS = `
import io, json, struct, sys
import pandas as pd, polars as pl, pyarrow as pa
TIMES = ('time', 'device_time', 'server_time')
stream = sys.stdin.buffer.read()

def cell(name, value):
    if value is None or value is pd.NA:
        return '-'
    if name == 'value':
        return struct.pack('<d', value).hex()
    if name == 'text':
        return 'x' + value.encode().hex()
    return 'x' + value.hex() if name == 'bytes' else str(value)

def texts(columns):
    names = list(columns)
    return [' '.join(cell(name, columns[name][i]) for name in names) for i in range(len(columns['time']))]

table = pa.ipc.open_stream(stream).read_all()
table.validate(full=True)
arrow = {n: (table[n].cast(pa.int64()) if n in TIMES else table[n]).to_pylist() for n in table.column_names}
frame = table.to_pandas(types_mapper=pd.ArrowDtype)
pandas = {n: (frame[n].astype('int64[pyarrow]') if n in TIMES else frame[n]).tolist() for n in frame}
lazy = pl.read_ipc_stream(io.BytesIO(stream))
polars = {n: (lazy[n].to_physical() if n in TIMES else lazy[n]).to_list() for n in lazy.columns}
print(json.dumps({'pyarrow': texts(arrow), 'pandas': texts(pandas), 'polars': texts(polars)}))
`;
