import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { z } from 'zod';
import type { DeviceConfig, ModbusConfig, UnitConfig } from '../../connectors/modbus/config.ts';
import { compileDevice } from '../../connectors/modbus/device.ts';
import { messageOf } from '../core/fault.ts';
import { problemsOf } from './issues.ts';
import { deviceSchema, type modbusShape } from './modbus-schema.ts';
import { type ConfigProblem, formatPath, type Found, type Path } from './problem.ts';
import type { JsonSchema } from './schema.ts';
import { MAX_FILE_BYTES, readYaml } from './yaml-source.ts';

/** A checked device file, or everything that is wrong with it. */
export type CheckedDevice =
  | { readonly device: DeviceConfig; readonly problems?: undefined }
  | { readonly problems: readonly ConfigProblem[]; readonly device?: undefined };

/** More than this many problems are of no use to anybody. */
const MAX_PROBLEMS = 200;

/** Checks the text of a device file; `file` is its name for messages. Never throws: all problems at once, in the order of the file. */
export function checkDevice(text: string, file: string): CheckedDevice {
  const source = readYaml(text);
  const found: Found[] = source.problems.map((problem) => problem);
  if (source.whole) {
    const result = deviceSchema.safeParse(source.value);
    if (result.success) {
      const { problems } = compileDevice(result.data);
      for (const { key, detail, expected } of problems) found.push({ path: key, wrong: detail, expected });
      if (found.length === 0) return { device: result.data };
    } else found.push(...problemsOf(result.error.issues, { value: source.value, schema: deviceJsonSchema }));
  }
  const problems = found.map(({ path: at, key, at: given, wrong, expected }): ConfigProblem => {
    const where = key === undefined ? at : [...at, key];
    const { line, column } = given ?? (key === undefined ? source.positionOf(where) : source.positionOfKey(at, key));
    return { file, line, column, path: formatPath(where), wrong, expected };
  });
  const ordered = problems.toSorted((a, b) => a.line - b.line || a.column - b.column);
  return { problems: ordered.slice(0, MAX_PROBLEMS) };
}

/** JSON Schema of a device file. */
export function deviceJsonSchema(): JsonSchema {
  return z.toJSONSchema(deviceSchema, { io: 'input' }) as JsonSchema;
}

/** A Modbus connector as the schema gives it: devices are still paths. */
export type ModbusInput = z.output<z.ZodObject<typeof modbusShape>> & { readonly name: string };

/** A connector with its devices, or what is wrong: `found` in the configuration itself, `problems` in device files. */
export interface LoadedModbus {
  readonly config?: ModbusConfig;
  readonly found: readonly Found[];
  readonly problems: readonly ConfigProblem[];
}

/**
 * Reads the device files of a connector, each once, and checks what takes several units to be wrong: numbers and tags that stand twice. `at` is the place of the connector in
 * the configuration, `folder` the one that relative paths count from.
 */
export async function loadDevices(connector: ModbusInput, folder: string, at: Path): Promise<LoadedModbus> {
  const found: Found[] = [];
  const problems: ConfigProblem[] = [];
  const files = new Map<string, CheckedDevice | Found>();
  const units: UnitConfig[] = [];
  for (const [i, { id, device: name, asset }] of connector.units.entries()) {
    const place = [...at, 'units', i];
    const first = connector.units.findIndex((other) => other.id === id);
    if (first < i) {
      const wrong = `${id} is already used by ${formatPath([...at, 'units', first, 'id'])}`;
      found.push({ path: [...place, 'id'], wrong, expected: 'a number of its own' });
    }
    const known = files.get(name);
    const file = known ?? (await readDevice(path.resolve(folder, name), name));
    files.set(name, file);
    if ('wrong' in file) found.push({ ...file, path: [...place, 'device'] });
    else if (file.device !== undefined) units.push({ id, device: file.device, asset });
    else if (known === undefined) problems.push(...file.problems);
  }
  found.push(...repeatedTags(units, at));
  if (found.length > 0 || problems.length > 0) return { found, problems };
  return { config: { ...connector, units }, found, problems };
}

async function readDevice(file: string, name: string): Promise<CheckedDevice | Found> {
  let bytes: Uint8Array;
  try {
    bytes = await readFile(file);
  } catch (error) {
    return refused(`${JSON.stringify(name)} cannot be read: ${messageOf(error)}`, 'a device file');
  }
  if (bytes.length > MAX_FILE_BYTES) return refused(`has ${bytes.length} bytes`, `at most ${MAX_FILE_BYTES}`);
  try {
    return checkDevice(new TextDecoder('utf-8', { fatal: true }).decode(bytes), name);
  } catch {
    return refused('is not UTF-8', 'text in UTF-8');
  }
}

function refused(wrong: string, expected: string): Found {
  return { path: [], wrong, expected };
}

function repeatedTags(units: readonly UnitConfig[], at: Path): Found[] {
  const owners = new Map<string, number>();
  const found: Found[] = [];
  for (const [i, { asset, device }] of units.entries()) {
    for (const point of Object.keys(device.points)) {
      const tag = `${asset}/${point}`;
      const owner = owners.get(tag.toLowerCase());
      if (owner === undefined) owners.set(tag.toLowerCase(), i);
      else {
        const wrong = `the tag ${JSON.stringify(tag)} is already used by ${formatPath([...at, 'units', owner])}`;
        found.push({ path: [...at, 'units', i, 'asset'], wrong, expected: 'an asset of its own' });
        break;
      }
    }
  }
  return found;
}
