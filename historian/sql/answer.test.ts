import { type Table, tableFromIPC } from 'apache-arrow';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { runPython } from '../../test/services/python.ts';
import { requireService } from '../../test/services/require.ts';
import { ValueKind } from '../../edge/core/sample.ts';
import { double } from '../kit/history-kit.ts';
import { answerOf, LeftBehind } from './sql-kit.ts';

const tables = requireService('tables');
const left = new LeftBehind();
beforeAll(() =>
  left.write(
    [
      double('site/d', 0, -0),
      double('site/l', 0, 0, { kind: ValueKind.long, value: 2n ** 63n - 1n }),
      double('site/u', 0, 0, { kind: ValueKind.uint64, value: 2n ** 64n - 1n }),
      double('site/t', 0, 0, { kind: ValueKind.string, value: 'a "b",\n' }),
      double('site/x', 0, 0, { kind: ValueKind.bytes, value: Uint8Array.of(0, 255) }),
    ],
    [],
    [],
  ),
);
afterAll(() => left[Symbol.dispose]());

/** A column of each type that DuckDB has, null in the second row. */
const ALL_TYPES = `
  SELECT CASE WHEN i = 0 THEN v END AS b, CASE WHEN i = 0 THEN 127::TINYINT END AS i8, CASE WHEN i = 0 THEN -2::INTEGER END AS i32,
    CASE WHEN i = 0 THEN 9223372036854775807 END AS i64, CASE WHEN i = 0 THEN 4294967295::UINTEGER END AS u32,
    CASE WHEN i = 0 THEN 18446744073709551615::UBIGINT END AS u64, CASE WHEN i = 0 THEN -170141183460469231::HUGEINT * 1000 END AS huge,
    CASE WHEN i = 0 THEN 0.1::FLOAT END AS f, CASE WHEN i = 0 THEN 'NaN'::DOUBLE END AS d, CASE WHEN i = 0 THEN TIMESTAMPTZ '2020-03-17 10:00:00.000001Z' END AS t,
    CASE WHEN i = 0 THEN TIMESTAMP '1969-12-31 23:59:59' END AS lt, CASE WHEN i = 0 THEN DATE '1960-02-29' END AS day,
    CASE WHEN i = 0 THEN 1.50::DECIMAL(5, 2) END AS dec, CASE WHEN i = 0 THEN '' END AS text, CASE WHEN i = 0 THEN '\\xFF'::BLOB END AS bytes,
    CASE WHEN i = 0 THEN [1, 2] END AS list, CASE WHEN i = 0 THEN {'a': 'x'} END AS struct
  FROM (SELECT range AS i, true AS v FROM range(2))`;

describe('an answer', () => {
  test('in JSON has numbers with all their digits, and everything else as text', async () => {
    const { bytes } = await answerOf(left.source, ALL_TYPES, 'json');
    const lines = bytes.toString().split('\n');
    expect(lines[1]).toBe(
      '[true,127,-2,9223372036854775807,4294967295,18446744073709551615,-170141183460469231000,0.10000000149011612,"NaN",' +
        '"2020-03-17T10:00:00.000001Z","1969-12-31 23:59:59","1960-02-29","1.50","","/w==",[1,2],{"a":"x"}],',
    );
    expect(lines[2]).toBe(`[${Array.from({ length: 17 }, () => 'null').join(',')}]`);
    expect(JSON.parse(bytes.toString())).toMatchObject({ gaps: 0, more: false });
  });

  test('in CSV null is an empty field and an empty text is not', async () => {
    const { bytes } = await answerOf(left.source, ALL_TYPES, 'csv');
    expect(bytes.toString().split('\n')).toEqual([
      'b,i8,i32,i64,u32,u64,huge,f,d,t,lt,day,dec,text,bytes,list,struct',
      'true,127,-2,9223372036854775807,4294967295,18446744073709551615,-170141183460469231000,0.10000000149011612,NaN,' +
        '2020-03-17T10:00:00.000001Z,1969-12-31 23:59:59,1960-02-29,1.50,"",/w==,"[1,2]","{""a"":""x""}"',
      ',,,,,,,,,,,,,,,,',
      '',
    ]);
    const { bytes: samples } = await answerOf(
      left.source,
      'SELECT tag, value, integer, unsigned, text, bytes FROM samples ORDER BY tag',
      'csv',
    );
    expect(samples.toString()).toBe(
      'tag,value,integer,unsigned,text,bytes\nsite/d,-0,,,,\nsite/l,9223372036854776000,9223372036854775807,,,\n' +
        'site/t,,,,"a ""b"",\n",\nsite/u,18446744073709552000,,18446744073709551615,,\nsite/x,,,,,AP8=\n',
    );
  });

  test.skipIf(!tables.available)('in Arrow has the types that pyarrow, pandas and polars know', async () => {
    const { bytes } = await answerOf(left.source, ALL_TYPES, 'arrow');
    const table: Table = tableFromIPC(bytes);
    expect(table.numRows).toBe(2);
    const script = `
import io, json, sys
import pandas as pd, polars as pl, pyarrow as pa
stream = sys.stdin.buffer.read()
table = pa.ipc.open_stream(stream).read_all()
table.validate(full=True)
print(json.dumps({'types': {f.name: str(f.type) for f in table.schema}, 'rows': [{k: str(v) for k, v in row.items()} for row in table.to_pylist()],
  'pandas': len(table.to_pandas()), 'polars': pl.read_ipc_stream(io.BytesIO(stream)).shape}))`;
    const { stdout } = await runPython(script, [], bytes, { environment: 'tables' });
    const read = JSON.parse(stdout.toString()) as { types: object; rows: Record<string, string>[] };
    expect(read).toMatchObject({
      types: {
        b: 'bool',
        i8: 'int32',
        i32: 'int32',
        i64: 'int64',
        u32: 'uint32',
        u64: 'uint64',
        huge: 'decimal128(38, 0)',
        f: 'float',
        d: 'double',
        t: 'timestamp[us, tz=UTC]',
        lt: 'timestamp[us]',
        day: 'date32[day]',
        dec: 'string',
        text: 'string',
        bytes: 'binary',
        list: 'string',
        struct: 'string',
      },
      pandas: 2,
      polars: [2, 17],
    });
    expect(read.rows[0]).toMatchObject({
      b: 'True',
      i8: '127',
      i32: '-2',
      i64: '9223372036854775807',
      u32: '4294967295',
      u64: '18446744073709551615',
      huge: '-170141183460469231000',
      d: 'nan',
      t: '2020-03-17 10:00:00.000001+00:00',
      lt: '1969-12-31 23:59:59',
      day: '1960-02-29',
      dec: '1.50',
      text: '',
      bytes: "b'\\xff'",
      list: '[1,2]',
      struct: '{"a":"x"}',
    });
    expect(new Set(Object.values(read.rows[1] ?? {}))).toEqual(new Set(['None']));
  });
});
