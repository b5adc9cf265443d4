"""Decodes samples v1 with fastavro.

Argument: the Avro schema. Standard input: a record's value on each line, as hex. Standard output: for each line, tab-separated, time in microseconds,
Python type of the value, the value (JSON; floats in shortest round-trip form), quality, flags and server time. Anything that is not exactly one sample
in the registry's wire format ends the program with an error.
"""
import io
import json
import struct
import sys

import fastavro

# Plain numbers instead of datetime: exact, and beyond the year 9999 too.
fastavro.read.LOGICAL_READERS.pop("long-timestamp-micros", None)

SCHEMA_ID = 1266808860

schema = fastavro.parse_schema(json.loads(sys.argv[1]))
out = []
for number, line in enumerate(sys.stdin):
    data = bytes.fromhex(line.strip())
    magic, schema_id = struct.unpack(">bI", data[:5])
    if magic != 0 or schema_id != SCHEMA_ID:
        sys.exit(f"record {number}: magic {magic}, schema id {schema_id}")
    body = io.BytesIO(data[5:])
    sample = fastavro.schemaless_reader(body, schema, None)
    if body.read(1):
        sys.exit(f"record {number}: bytes behind the sample")
    value = sample["value"]
    kind = type(value).__name__
    text = json.dumps(value.hex() if isinstance(value, bytes) else value)
    out.append(f"{sample['time']}\t{kind}\t{text}\t{sample['quality']}\t{sample['flags']}\t{sample['serverTime']}")
sys.stdout.write("\n".join(out) + "\n" if out else "")
