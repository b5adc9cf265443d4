import { connectAsync } from 'mqtt';
import { describe, expect, test } from 'vitest';
import { startMosquitto } from '../test/services/mosquitto.ts';
import { requireService } from '../test/services/require.ts';
import { waitFor } from '../test/services/wait.ts';
import { messageOf, MqttDevices } from './mqtt-devices.ts';
import { createRig } from './plant-rig.ts';
import { createPlant } from './plant.ts';

const mosquitto = requireService('mosquitto');

/** What a subscriber hears, by topic. */
async function listen(url: string): Promise<{ heard: Map<string, string[]>; close: () => Promise<void> }> {
  const heard = new Map<string, string[]>();
  const client = await connectAsync(url, { protocolVersion: 4, reconnectPeriod: 0 });
  client.on('message', (topic, payload) => heard.set(topic, [...(heard.get(topic) ?? []), payload.toString()]));
  await client.subscribeAsync('plant/#', { qos: 1 });
  return { heard, close: () => client.endAsync(true) };
}

function heardOf(heard: ReadonlyMap<string, readonly string[]>): number {
  return [...heard.values()].reduce((sum, messages) => sum + messages.length, 0);
}

function timesOf(messages: readonly string[]): number[] {
  return messages.map((text) => new Date((JSON.parse(text) as { time: string | number }).time).getTime());
}

test('a message is one JSON object: the time of the box, then its values', () => {
  const plant = createPlant(1, Date.UTC(2026, 10, 21, 7) * 1000);
  plant.advanceTo(plant.nowUs + 5e6);
  const texts = plant.devices
    .filter(({ protocol }) => protocol === 'mqtt')
    .map((one) => messageOf(one, plant.readings()));
  expect(texts.map((text) => Object.keys(JSON.parse(text) as object))).toEqual([
    ['time', 'vibration-de', 'vibration-nde', 'vibration-peak', 'noise-level'],
    ['time', 'bearing-temperature', 'motor-temperature'],
    ['time', 'vibration', 'die-temperature', 'noise-level'],
    ['time', 'oil-level', 'cabinet-temperature', 'humidity'],
  ]);
  const times = texts.map((text) => (JSON.parse(text) as { time: unknown }).time);
  expect(times.map((time) => typeof time)).toEqual(['string', 'number', 'string', 'number']);
  expect(times[0]).toMatch(/^2026-11-21T07:00:0[345]\.\d{3}Z$/);
});

// reason: mosquitto is not installed on every machine; CI installs it
describe.skipIf(!mosquitto.available)('the MQTT boxes at a broker', () => {
  test('tell the whole past at 60 times real time, in order, each second once', async () => {
    await using broker = await startMosquitto({ config: ['max_queued_messages 0'] });
    const { heard, close } = await listen(broker.url);
    await using rig = await createRig(120, 60, `127.0.0.1:${broker.port}`);
    await rig.simulation.start();
    await waitFor('it has caught up', () => rig.modbus.awake);
    await waitFor('all was acknowledged and heard', () => {
      const { acknowledged, kept } = rig.mqtt.counts();
      return kept === 0 && heardOf(heard) >= acknowledged;
    });
    expect(rig.mqtt.counts().lost).toBe(0);
    expect([...heard.keys()].toSorted()).toEqual([
      'plant/pressing/press1/cabinet',
      'plant/pressing/press1/frame',
      'plant/water/loop1/motor',
      'plant/water/loop1/vibration',
    ]);
    for (const messages of heard.values()) {
      const steps = timesOf(messages).map((time, nr, all) => time - (all[nr - 1] ?? time - 1000));
      expect(messages.length).toBeGreaterThanOrEqual(119);
      expect(Math.min(...steps)).toBeGreaterThan(900);
      expect(Math.max(...steps)).toBeLessThan(1100);
    }
    await close();
  });

  test('keep what they measure while the broker is away and send it later, in order', async () => {
    const broker = await startMosquitto();
    const address = `127.0.0.1:${broker.port}`;
    await broker[Symbol.asyncDispose]();
    const plant = createPlant(1);
    const boxes = new MqttDevices(address, plant.devices);
    await boxes.start();
    plant.advanceTo(30e6, (device) => boxes.take(device, plant.readings()));
    expect(boxes.counts()).toEqual({ acknowledged: 0, kept: 120, lost: 0 });
    plant.advanceTo(8000e6, (device) => boxes.take(device, plant.readings()));
    const { kept, lost } = boxes.counts();
    expect(kept).toBe(4 * 7200);
    expect(kept + lost).toBeGreaterThanOrEqual(4 * 7999);
    await boxes.stop();
    expect(boxes.counts().kept).toBe(0);
  });

  test('go on after the broker was killed and came back', async () => {
    await using rig = await createRig(0, 2, '127.0.0.1:1');
    const broker = await startMosquitto();
    const boxes = new MqttDevices(`127.0.0.1:${broker.port}`, rig.plant.devices);
    await boxes.start();
    const goOn = (): void =>
      rig.plant.advanceTo(rig.plant.nowUs + 1e6, (device) => boxes.take(device, rig.plant.readings()));
    goOn();
    await waitFor('the first messages were acknowledged', () => boxes.counts().acknowledged >= 4);
    await broker[Symbol.asyncDispose]();
    for (let second = 0; second < 20; second++) goOn();
    expect(boxes.counts().kept).toBeGreaterThanOrEqual(76);
    await using again = await startMosquitto({ config: [`listener ${broker.port} 127.0.0.1`] });
    const { heard, close } = await listen(again.url);
    await waitFor('everything was acknowledged', () => boxes.counts().kept === 0);
    expect(boxes.counts().lost).toBe(0);
    for (const messages of heard.values()) {
      const times = timesOf(messages);
      expect(times).toEqual(times.toSorted((one, other) => one - other));
    }
    await close();
    await boxes.stop();
  });
});
