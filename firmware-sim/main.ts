import { readArguments, usage, type PlantArguments } from './arguments.ts';
import { Control } from './control.ts';
import { freePort } from './free-port.ts';
import { ModbusUnits } from './modbus-units.ts';
import { MqttDevices } from './mqtt-devices.ts';
import { OpcuaServer } from './opcua-server.ts';
import { Pacing } from './pacing.ts';
import { createPlant } from './plant.ts';
import { Simulation } from './simulation.ts';

/** Runs the plant until SIGINT or SIGTERM, or until the process that started it is gone. Prints one line of JSON with its addresses when its servers listen. */
async function run(given: PlantArguments): Promise<void> {
  const startUs = Math.floor(Date.now() / 1000 - given.pastUs / 1e6) * 1e6;
  const plant = createPlant(given.seed, startUs);
  const opcuaPort = given.opcuaPort === 0 ? await freePort() : given.opcuaPort;
  const modbusPort = given.modbusPort === 0 ? await freePort() : given.modbusPort;
  const protocols = {
    mqtt: new MqttDevices(given.mqtt, plant.devices),
    opcua: new OpcuaServer(opcuaPort, plant.devices),
    modbus: new ModbusUnits(modbusPort),
  };
  const simulation = new Simulation(plant, new Pacing(startUs, given.speed), protocols);
  const control = new Control(simulation);
  await simulation.start();
  const address = await control.start(given.controlPort);
  const { modbus, mqtt, opcua } = protocols;
  const line = { mqtt: mqtt.address, opcua: opcua.address, modbus: modbus.address, control: address };
  const ended = Promise.withResolvers<void>();
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => ended.resolve());
  process.once('disconnect', () => ended.resolve());
  // The one who started it may have gone before anybody listened.
  if ('connected' in process && !process.connected) ended.resolve();
  // Last: whoever reads it may end the plant at once.
  process.stdout.write(`${JSON.stringify(line)}\n`);
  await ended.promise;
  await control.stop();
  await simulation.stop();
}

try {
  await run(readArguments(process.argv.slice(2)));
} catch (error) {
  process.stderr.write(`plant: ${error instanceof Error ? error.message : String(error)}\n${usage}\n`);
  process.exitCode = 1;
} finally {
  // The listener above keeps the channel open, and that the process alive, until one side closes it.
  if (process.connected) process.disconnect();
}
