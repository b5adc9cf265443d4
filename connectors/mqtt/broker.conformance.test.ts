import { describeConnector, type Source } from '../conformance.ts';
import { assert } from '../../edge/core/fault.ts';
import { MqttBroker } from './broker.ts';
import { BROKER_LIMITS } from './limits.ts';
import { publishPacket, RawClient } from './raw-client.ts';

const limits = { ...BROKER_LIMITS, heldBytes: 256 * 1024 };
let clients = 0;

function brokerOf(connector: unknown): MqttBroker {
  assert(connector instanceof MqttBroker, 'of this rig');
  return connector;
}

async function connect(port: number, qos: 1 | 2): Promise<Source> {
  const client = await RawClient.connect({ port }, { clientId: `source-${clients++}` });
  const answer = qos === 1 ? 'puback' : 'pubrec';
  let packetId = 0;
  return {
    send(text) {
      const id = ++packetId;
      client.send(publishPacket(id, 'conformance', text, { qos }));
      return {
        get acknowledged() {
          return client.ids(answer).includes(id);
        },
      };
    },
    settle: () => client.settle(),
    async close() {
      client.destroy();
      await client.ended();
    },
  };
}

for (const qos of [1, 2] as const) {
  describeConnector(`mqtt-broker, QoS ${qos}`, {
    create: () =>
      new MqttBroker(
        {
          kind: 'mqtt-broker',
          name: 'c',
          listen: { host: '127.0.0.1', port: 0 },
          topics: [{ match: '#', payload: 'text' }],
        },
        limits,
      ),
    connect: (connector) => connect(brokerOf(connector).address?.port ?? 0, qos),
    heldBytes: (connector) => brokerOf(connector).heldBytes,
    heldLimit: limits.heldBytes,
  });
}
