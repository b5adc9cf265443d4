"""A Modbus TCP server for tests, on pymodbus. One argument: the path of a JSON file with `port`, `control` (a port for commands), `framing` (`tcp` or `rtu`),
`units` [{id, registers, bits, missing: {table: [addresses]}}].

Commands are lines of JSON on the control port, each answered by a line. {"write": [{unit, table, address, type, value, wordOrder, byteOrder}]}:
values are encoded here, by `struct`; integers are texts, floats texts of the hex of their big-endian bits, bits lists of booleans, strings
bytes in hex. {"behave": {unit: {"exception": code} | {"silent": true} | null}}. {"asked": unit} answers with what was asked of it since:
[[function, address, count]]."""

import asyncio
import json
import struct
import sys
from pathlib import Path
from collections import defaultdict

from pymodbus.constants import ExcCodes
from pymodbus.framer import FramerType
from pymodbus.server import ModbusTcpServer
from pymodbus.simulator import DataType, SimData, SimDevice

options = json.loads(Path(sys.argv[1]).read_text())
behaviour = {}
asked = defaultdict(list)
ACCESS = {"coil": 15, "discrete": 2, "holding": 16, "input": 4}
FORMATS = {"int16": ">h", "uint16": ">H", "int32": ">i", "uint32": ">I", "int64": ">q", "uint64": ">Q"}


def words_of(spec):
    """The value as registers, in the order of the device."""
    kind, value = spec["type"], spec["value"]
    if kind in ("float32", "float64", "string"):
        data = bytes.fromhex(value)
    else:
        data = struct.pack(FORMATS[kind], int(value))
    words = [data[i : i + 2] for i in range(0, len(data), 2)]
    if kind != "string" and spec.get("wordOrder") == "little":
        words.reverse()
    if spec.get("byteOrder") == "little":
        words = [word[::-1] for word in words]
    return [int.from_bytes(word, "big") for word in words]


async def write(server, spec):
    bits = spec["table"] in ("coil", "discrete")
    values = spec["value"] if bits else words_of(spec)
    await server.async_setValues(spec["unit"], ACCESS[spec["table"]], spec["address"], values)


def stretches(count, missing, size, kind, value):
    """What there is of a table: everything up to `count` but what is missing."""
    data, first = [], 0
    for gap in sorted(missing) + [count]:
        if gap > first:
            data.append(SimData(first, values=[value] * ((gap - first) * size), datatype=kind))
        if gap < count:
            data.append(SimData(gap, datatype=DataType.INVALID))
        first = gap + 1
    return data


def device_of(spec):
    unit = spec["id"]
    missing = spec.get("missing", {})
    registers, bits = spec.get("registers", 200), spec.get("bits", 160)

    async def action(function, start, address, count, current, values):
        if values is not None:
            return None
        asked[unit].append([function, address, count])
        how = behaviour.get(unit) or {}
        if how.get("silent"):
            await asyncio.Event().wait()
        return ExcCodes(how["exception"]) if "exception" in how else None

    def table(name):
        if name in ("coil", "discrete"):
            return [SimData(0, values=[False] * bits, datatype=DataType.BITS)]
        return stretches(registers, missing.get(name, []), 1, DataType.REGISTERS, 0)

    return SimDevice(unit, tuple(table(name) for name in ("coil", "discrete", "holding", "input")), action=action)


async def obey(server, command):
    for spec in command.get("write", []):
        await write(server, spec)
    for unit, how in command.get("behave", {}).items():
        behaviour[int(unit)] = how
    if "asked" in command:
        return {"asked": asked.pop(command["asked"], [])}
    return {}


async def control(server, reader, writer):
    while line := await reader.readline():
        try:
            answer = await obey(server, json.loads(line))
        except Exception as error:
            answer = {"error": repr(error)}
        writer.write((json.dumps(answer) + "\n").encode())
        await writer.drain()
    writer.close()


async def main():
    framer = FramerType.RTU if options["framing"] == "rtu" else FramerType.SOCKET
    devices = [device_of(spec) for spec in options["units"]]
    server = ModbusTcpServer(devices, framer=framer, address=("127.0.0.1", options["port"]))
    await server.serve_forever(background=True)
    listener = await asyncio.start_server(lambda r, w: control(server, r, w), "127.0.0.1", options["control"])
    async with listener:
        await listener.serve_forever()


asyncio.run(main())
