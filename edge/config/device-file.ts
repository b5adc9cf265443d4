import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { z } from 'zod';
import type { DeviceConfig, ModbusConfig, UnitConfig } from '../../connectors/modbus/config.ts';
import { compileDevice } from '../../connectors/modbus/device.ts';
import { assert, messageOf } from '../core/fault.ts';
import { listOf, member } from './document.ts';
import { problemsOf } from './issues.ts';
import { deviceSchema, type modbusShape } from './modbus-schema.ts';
import { type ConfigProblem, formatPath, type Found, type Path, quote } from './problem.ts';
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

/** More than these the schema does not take, and nobody reads. */
const MAX_UNITS = 256;

/** The device files of a configuration, each read and checked once, whoever names it. Paths count from `folder`. */
export class DeviceFiles {
  /** What is wrong in the files that were read. */
  readonly problems: ConfigProblem[] = [];
  private readonly folder: string;
  private readonly files = new Map<string, CheckedDevice | Found>();

  constructor(folder: string) {
    this.folder = folder;
  }

  /**
   * Reads the device files of a connector, and checks what takes several units to be wrong: numbers and tags that stand twice. Works on the document as it stands, so that it is said
   * together with everything else: what has another shape than expected is left to the schema. Returns what is wrong in the configuration; `at` is the place of the connector in it.
   */
  async check(connector: unknown, at: Path): Promise<Found[]> {
    const units = listOf(connector, 'units').slice(0, MAX_UNITS);
    const found: Found[] = repeatedNumbers(units, at);
    for (const [i, unit] of units.entries()) {
      const name = member(unit, 'device');
      if (typeof name !== 'string' || name === '') continue;
      const file = await this.read(name);
      if ('wrong' in file) found.push({ ...file, path: [...at, 'units', i, 'device'] });
    }
    found.push(...this.repeatedTags(units, at));
    return found;
  }

  /** A connector with its devices, once `check` has found nothing wrong with it. */
  fill(connector: ModbusInput): ModbusConfig {
    const units = connector.units.map(({ id, device: name, asset, class: tagClass }): UnitConfig => {
      const device = this.deviceOf(name);
      assert(device !== undefined, `the device file ${name} was not checked`);
      return { id, device, asset, class: tagClass };
    });
    return { ...connector, units };
  }

  private async read(name: string): Promise<CheckedDevice | Found> {
    const known = this.files.get(name);
    if (known !== undefined) return known;
    const file = await readDevice(path.resolve(this.folder, name), name);
    this.files.set(name, file);
    if (!('wrong' in file) && file.problems !== undefined) this.problems.push(...file.problems);
    return file;
  }

  private deviceOf(name: unknown): DeviceConfig | undefined {
    const file = typeof name === 'string' ? this.files.get(name) : undefined;
    return file === undefined || 'wrong' in file ? undefined : file.device;
  }

  private repeatedTags(units: readonly unknown[], at: Path): Found[] {
    const owners = new Map<string, number>();
    const found: Found[] = [];
    for (const [i, unit] of units.entries()) {
      const asset = member(unit, 'asset');
      const device = this.deviceOf(member(unit, 'device'));
      if (typeof asset !== 'string' || device === undefined) continue;
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
}

function repeatedNumbers(units: readonly unknown[], at: Path): Found[] {
  const numbers = units.map((unit) => member(unit, 'id'));
  return numbers.flatMap((id, i): Found[] => {
    const first = numbers.indexOf(id);
    if (typeof id !== 'number' || first === i) return [];
    const wrong = `${id} is already used by ${formatPath([...at, 'units', first, 'id'])}`;
    return [{ path: [...at, 'units', i, 'id'], wrong, expected: 'a number of its own' }];
  });
}

async function readDevice(file: string, name: string): Promise<CheckedDevice | Found> {
  let bytes: Uint8Array;
  try {
    bytes = await readFile(file);
  } catch (error) {
    const why = messageOf(error).replaceAll(/\s+/g, ' ');
    return refused(`${quote(name)} cannot be read: ${why}`, 'a device file');
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
