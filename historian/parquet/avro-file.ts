import { randomBytes } from 'node:crypto';
import avsc from 'avsc';
import { Fault, messageOf } from '../../edge/core/fault.ts';

/** A schema as JSON; `field-id` and the like, which Iceberg wants, are written as they stand here. */
export type AvroSchema = Readonly<Record<string, unknown>> | readonly unknown[] | string;

const MAGIC = Buffer.from('Obj\u0001', 'latin1');
const SYNC_BYTES = 16;
const header = avsc.Type.forSchema({ type: 'map', values: 'bytes' });
const long = avsc.Type.forSchema('long');

/** Records as an Avro object container file (Avro 1.11, "Object Container Files"), in one block, not compressed. */
export function avroFile(
  schema: AvroSchema,
  metadata: Readonly<Record<string, string>>,
  records: readonly unknown[],
): Uint8Array {
  const type = typeOf(schema);
  const texts = { 'avro.schema': JSON.stringify(schema), 'avro.codec': 'null', ...metadata };
  const bytes = Object.fromEntries(Object.entries(texts).map(([name, text]) => [name, Buffer.from(text)]));
  const sync = randomBytes(SYNC_BYTES);
  const body = Buffer.concat(records.map((record) => type.toBuffer(record)));
  return Buffer.concat([
    MAGIC,
    header.toBuffer(bytes),
    sync,
    ...(records.length === 0 ? [] : [long.toBuffer(records.length), long.toBuffer(body.length), body, sync]),
  ]);
}

/** The records of a file that `avroFile` wrote with this schema. Throws `historian-damaged`. */
export function avroRecords(schema: AvroSchema, file: Uint8Array): unknown[] {
  try {
    const bytes = Buffer.from(file.buffer, file.byteOffset, file.length);
    if (!bytes.subarray(0, MAGIC.length).equals(MAGIC)) throw new Error('not an Avro file');
    const type = typeOf(schema);
    const records: unknown[] = [];
    let at = behind(header.decode(bytes, MAGIC.length)) + SYNC_BYTES;
    while (at < bytes.length) {
      const count = long.decode(bytes, at);
      at = behind(long.decode(bytes, behind(count)));
      for (let i = 0; i < Number(count.value); i++) {
        const record = type.decode(bytes, at);
        at = behind(record);
        records.push(record.value);
      }
      at += SYNC_BYTES;
    }
    if (at !== bytes.length) throw new Error('cut off');
    return records;
  } catch (error) {
    throw new Fault('historian-damaged', `An Avro file: ${messageOf(error)}`, { cause: error });
  }
}

/** Where the next thing begins. */
function behind({ offset }: { readonly offset: number }): number {
  if (offset < 0) throw new Error('cut off');
  return offset;
}

function typeOf(schema: AvroSchema): avsc.Type {
  return avsc.Type.forSchema(schema as avsc.Schema, { wrapUnions: false });
}
