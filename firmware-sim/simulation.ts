import type { MqttDevices } from './mqtt-devices.ts';
import type { ModbusUnits } from './modbus-units.ts';
import type { OpcuaServer } from './opcua-server.ts';
import type { Pacing } from './pacing.ts';
import type { Plant } from './plant.ts';
import type { ProtocolServer } from './protocol-server.ts';

/** How often the plant goes on; ms. */
const tickMs = 50;

export interface Protocols {
  readonly mqtt: MqttDevices;
  readonly opcua: OpcuaServer;
  readonly modbus: ModbusUnits;
}

const protocolNames = ['mqtt', 'opcua', 'modbus'] as const satisfies readonly (keyof Protocols)[];

/** The plant in time: goes on with the wall clock and hands each reading to its protocol. */
export class Simulation {
  readonly plant: Plant;
  private readonly pacing: Pacing;
  private readonly servers: Protocols;
  private readonly starting = new Map<ProtocolServer, Promise<void>>();
  private timer: NodeJS.Timeout | undefined;

  constructor(plant: Plant, pacing: Pacing, protocols: Protocols) {
    this.plant = plant;
    this.pacing = pacing;
    this.servers = protocols;
  }

  async start(): Promise<void> {
    const { mqtt, modbus, opcua } = this.servers;
    await Promise.all([opcua.start(), modbus.start(), mqtt.start()]);
    this.timer = setInterval(() => this.tick(), tickMs);
  }

  async stop(): Promise<void> {
    clearInterval(this.timer);
    await Promise.all(this.starting.values());
    await Promise.all([this.servers.opcua.close(), this.servers.modbus.stop(), this.servers.mqtt.stop()]);
  }

  state(): { readonly simulatedTime: string; readonly caughtUp: boolean; readonly seed: number } {
    const simulatedTime = new Date(this.plant.nowUs / 1000).toISOString();
    return { simulatedTime, caughtUp: this.servers.modbus.awake, seed: this.plant.seed };
  }

  protocols(): { readonly name: string; readonly address: string; readonly running: boolean }[] {
    return protocolNames.map((name) => {
      const { address, running } = this.servers[name];
      return { name, address, running };
    });
  }

  /** A protocol whose stops and starts wait for one another. */
  protocol(name: string): Pick<ProtocolServer, 'start' | 'stop' | 'running'> | undefined {
    const known = protocolNames.find((protocol) => protocol === name);
    if (known === undefined) return undefined;
    const server: ProtocolServer = this.servers[known];
    const inTurn = async (act: () => Promise<void>): Promise<void> => {
      const before = this.starting.get(server) ?? Promise.resolve();
      const done = before.then(act, act);
      this.starting.set(
        server,
        done.catch(() => undefined),
      );
      await done;
    };
    return {
      get running(): boolean {
        return server.running;
      },
      start: () => inTurn(() => server.start()),
      stop: () => inTurn(() => server.stop()),
    };
  }

  private tick(): void {
    const { modbus, mqtt, opcua } = this.servers;
    const readings = this.plant.readings();
    this.plant.advanceTo(this.pacing.targetUs(Date.now() * 1000), (device) => {
      if (device.protocol === 'opcua') opcua.take(device, readings);
      else if (device.protocol === 'mqtt') mqtt.take(device, readings);
      else modbus.take(device, readings);
    });
    if (this.pacing.caughtUp) modbus.awake = true;
  }
}
