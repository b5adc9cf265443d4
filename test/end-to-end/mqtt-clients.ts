import { connectAsync } from 'mqtt';
import { runPython } from '../services/python.ts';

/** What a client that is not ours shall publish, one after the other. */
export interface Publication {
  readonly topic: string;
  readonly payload: string;
}

const window = 100;

/** Publishes with mqtt.js, QoS 1; resolves when everything is acknowledged. */
export async function publishWithMqttJs(port: number, publications: readonly Publication[]): Promise<void> {
  const client = await connectAsync({ host: '127.0.0.1', port, clientId: 'mqtt-js', reconnectPeriod: 0 });
  let unacknowledged: Promise<unknown>[] = [];
  for (const { topic, payload } of publications) {
    unacknowledged.push(client.publishAsync(topic, payload, { qos: 1 }));
    if (unacknowledged.length < window) continue;
    await Promise.all(unacknowledged);
    unacknowledged = [];
  }
  await Promise.all(unacknowledged);
  await client.endAsync();
}

const pahoScript = `
import json, sys
import paho.mqtt.client as mqtt
client = mqtt.Client(mqtt.CallbackAPIVersion.VERSION2, client_id='paho', protocol=mqtt.MQTTv311)
client.max_queued_messages_set(0)
client.connect('127.0.0.1', int(sys.argv[1]))
client.loop_start()
sent = [client.publish(one['topic'], one['payload'], qos=1) for one in map(json.loads, sys.stdin)]
for info in sent:
    info.wait_for_publish(60)
    if not info.is_published():
        sys.exit('not acknowledged within 60 s')
client.disconnect()
client.loop_stop()
print(len(sent))
`;

/** Publishes with Python's paho-mqtt, QoS 1; resolves when everything is acknowledged. */
export async function publishWithPaho(port: number, publications: readonly Publication[]): Promise<void> {
  const input = publications.map((one) => `${JSON.stringify(one)}\n`).join('');
  const { stdout } = await runPython(pahoScript, [String(port)], input);
  if (Number(stdout.toString('utf8')) !== publications.length) throw new Error('paho did not publish everything');
}
