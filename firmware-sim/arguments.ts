import { parseArgs } from 'node:util';

/** What the plant is told when it starts. */
export interface PlantArguments {
  readonly seed: number;
  /** How far before now its story begins; µs. */
  readonly pastUs: number;
  /** How many times as fast as life it runs until it has caught up. */
  readonly speed: number;
  /** Broker of the MQTT devices: `HOST:PORT`. */
  readonly mqtt: string;
  /** Ports; 0 = any free one. */
  readonly opcuaPort: number;
  readonly modbusPort: number;
  readonly controlPort: number;
}

export const usage = `usage: node firmware-sim/main.ts [--seed 1] [--past 60m] [--speed 60] [--mqtt 127.0.0.1:1883]
  [--opcua-port 0] [--modbus-port 0] [--control-port 0]`;

const unitsS: Readonly<Record<string, number>> = { s: 1, m: 60, h: 3600 };

/** Reads the command line; throws an error that says what is wrong. */
export function readArguments(args: readonly string[]): PlantArguments {
  const { values } = parseArgs({
    args: [...args],
    strict: true,
    options: {
      seed: { type: 'string', default: '1' },
      past: { type: 'string', default: '60m' },
      speed: { type: 'string', default: '60' },
      mqtt: { type: 'string', default: '127.0.0.1:1883' },
      'opcua-port': { type: 'string', default: '0' },
      'modbus-port': { type: 'string', default: '0' },
      'control-port': { type: 'string', default: '0' },
    },
  });
  return {
    seed: whole('--seed', values.seed, 0, Number.MAX_SAFE_INTEGER),
    pastUs: duration('--past', values.past),
    speed: whole('--speed', values.speed, 2, 1000),
    mqtt: broker(values.mqtt),
    opcuaPort: whole('--opcua-port', values['opcua-port'], 0, 65_535),
    modbusPort: whole('--modbus-port', values['modbus-port'], 0, 65_535),
    controlPort: whole('--control-port', values['control-port'], 0, 65_535),
  };
}

function whole(name: string, text: string, least: number, most: number): number {
  const number = /^\d+$/.test(text) ? Number(text) : Number.NaN;
  if (number >= least && number <= most) return number;
  throw new Error(`${name} wants a whole number from ${least} to ${most}, not '${text}'`);
}

/** `90s`, `60m`, `2h`; at most 30 days. */
function duration(name: string, text: string): number {
  const [, count = '', unit = ''] = /^(\d+)([smh])$/.exec(text) ?? [];
  const seconds = Number(count) * (unitsS[unit] ?? Number.NaN);
  if (count !== '' && seconds <= 30 * 86_400) return seconds * 1e6;
  throw new Error(`${name} wants a time such as 90s, 60m or 2h, at most 720h, not '${text}'`);
}

function broker(text: string): string {
  const [, port = ''] = /^[\w.-]+:(\d{1,5})$/.exec(text) ?? [];
  if (port !== '' && Number(port) >= 1 && Number(port) <= 65_535) return text;
  throw new Error(`--mqtt wants HOST:PORT, not '${text}'`);
}
