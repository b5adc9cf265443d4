import { freePort } from './free-port.ts';
import { ModbusUnits } from './modbus-units.ts';
import { MqttDevices } from './mqtt-devices.ts';
import { OpcuaServer } from './opcua-server.ts';
import { Pacing } from './pacing.ts';
import { createPlant, type Plant } from './plant.ts';
import { Simulation } from './simulation.ts';

/** For tests: a whole plant in this process, with everything that it speaks. */
export interface PlantRig extends AsyncDisposable {
  readonly plant: Plant;
  readonly simulation: Simulation;
  readonly mqtt: MqttDevices;
  readonly opcua: OpcuaServer;
  readonly modbus: ModbusUnits;
}

/** @param pastS how far in the past it begins; s @param speed how fast it catches up @param broker `HOST:PORT` of the MQTT devices' broker */
export async function createRig(pastS: number, speed: number, broker: string): Promise<PlantRig> {
  const startUs = Date.now() * 1000 - pastS * 1e6;
  const plant = createPlant(1, startUs);
  const mqtt = new MqttDevices(broker, plant.devices);
  const opcua = new OpcuaServer(await freePort(), plant.devices);
  const modbus = new ModbusUnits(await freePort());
  const simulation = new Simulation(plant, new Pacing(startUs, speed), { mqtt, opcua, modbus });
  return { plant, simulation, mqtt, opcua, modbus, [Symbol.asyncDispose]: () => simulation.stop() };
}
