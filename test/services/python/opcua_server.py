"""An OPC UA server for tests, on asyncua. One argument: a file of JSON with `port`, `control` (a port for commands), `folder`, `namespaces`,
`nodes` [{id, path, namespace, type, value}], `users` {name: password}, `policies` [names of asyncua].

Commands are lines of JSON on the control port, each answered by a line: {"write": [{id, namespace, type, value, shape, status, source,
server}]}. Integers are texts, floats are texts of the hex of their big-endian bits, times are ticks of 100 ns as texts."""

import asyncio
import json
import struct
import sys
import uuid
from datetime import datetime, timedelta
from pathlib import Path

from asyncua import Server, ua
from asyncua.crypto.cert_gen import setup_self_signed_certificate
from asyncua.crypto.permission_rules import User, UserRole
from cryptography.x509.oid import ExtendedKeyUsageOID

options = json.loads(Path(sys.argv[1]).read_text())


class Users:
    def get_user(self, iserver, username=None, password=None, certificate=None):
        users = options.get("users")
        if users is None:
            return User(role=UserRole.Admin)
        return User(role=UserRole.Admin) if users.get(username, 0) == password else None


def moment(ticks):
    return None if ticks is None else datetime(1601, 1, 1) + timedelta(microseconds=int(ticks) // 10)


def scalar(kind, value):
    if value is None:
        return None
    if kind == "Float":
        return struct.unpack(">f", bytes.fromhex(value))[0]
    if kind == "Double":
        return struct.unpack(">d", bytes.fromhex(value))[0]
    if kind == "ByteString":
        return bytes.fromhex(value)
    if kind == "Guid":
        return uuid.UUID(value)
    if kind == "LocalizedText":
        return ua.LocalizedText(value, "en")
    if kind == "DateTime":
        return moment(value)
    if kind == "NodeId":
        return ua.NodeId.from_string(value)
    if kind in ("Boolean", "String"):
        return value
    return int(value)


def variant(kind, value, shape=None):
    if kind == "Null":
        return ua.Variant(None, ua.VariantType.Null)
    kind_id = getattr(ua.VariantType, kind)
    if shape is None:
        return ua.Variant(scalar(kind, value), kind_id)
    flat = [scalar(kind, element) for element in value]
    return ua.Variant(nested(flat, shape), kind_id, is_array=True, Dimensions=shape if len(shape) > 1 else None)


def nested(flat, shape):
    if len(shape) == 1:
        return flat
    step = len(flat) // shape[0]
    return [nested(flat[i * step : (i + 1) * step], shape[1:]) for i in range(shape[0])]


async def add_node(server, folders, spec):
    index = await server.get_namespace_index(spec["namespace"])
    parent = server.nodes.objects
    *above, name = spec["path"]
    walked = ()
    for step in above:
        walked += (step,)
        if walked not in folders:
            folders[walked] = await parent.add_folder(index, step)
        parent = folders[walked]
    value = variant(spec["type"], spec.get("value"), spec.get("shape"))
    await parent.add_variable(ua.NodeId(spec["id"], index), ua.QualifiedName(name, index), value, varianttype=value.VariantType)


async def write(server, spec):
    index = await server.get_namespace_index(spec["namespace"])
    value = ua.DataValue(
        variant(spec["type"], spec.get("value"), spec.get("shape")),
        StatusCode=ua.StatusCode(spec.get("status", 0)),
        SourceTimestamp=moment(spec.get("source")),
        ServerTimestamp=moment(spec.get("server")),
    )
    await server.iserver.write_attribute_value(ua.NodeId(spec["id"], index), value)


async def control(server, reader, writer):
    while line := await reader.readline():
        try:
            for spec in json.loads(line).get("write", []):
                await write(server, spec)
            answer = {}
        except Exception as error:
            answer = {"error": repr(error)}
        writer.write((json.dumps(answer) + "\n").encode())
        await writer.drain()
    writer.close()


async def secure(server, folder):
    uri = "urn:test:asyncua"
    key, certificate = folder / "key.pem", folder / "certificate.der"
    await server.set_application_uri(uri)
    usage = [ExtendedKeyUsageOID.CLIENT_AUTH, ExtendedKeyUsageOID.SERVER_AUTH]
    await setup_self_signed_certificate(key, certificate, uri, "localhost", usage, {"commonName": "asyncua test"})
    await server.load_certificate(str(certificate))
    await server.load_private_key(str(key))


async def main():
    server = Server(user_manager=Users())
    await server.init()
    server.set_endpoint(f"opc.tcp://127.0.0.1:{options['port']}/test/")
    await secure(server, Path(options["folder"]))
    server.set_security_policy([getattr(ua.SecurityPolicyType, name) for name in options["policies"]])
    if options.get("users") is not None:
        server.set_identity_tokens([ua.UserNameIdentityToken])
    for uri in options["namespaces"]:
        await server.register_namespace(uri)
    folders = {}
    for spec in options["nodes"]:
        await add_node(server, folders, spec)
    async with server:
        listener = await asyncio.start_server(lambda r, w: control(server, r, w), "127.0.0.1", options["control"], limit=1 << 24)
        async with listener:
            await listener.serve_forever()


asyncio.run(main())
