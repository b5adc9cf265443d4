import path from 'node:path';
import { DeviceFiles } from './device-file.ts';
import { listOf, member } from './document.ts';
import { problemsOf } from './issues.ts';
import { laterKeys, isLaterValue } from './later.ts';
import { type ConfigProblem, formatPath, type Found } from './problem.ts';
import { checkReferences } from './references.ts';
import { readShifts } from './shifts-file.ts';
import { type Config, configJsonSchema, configSchema, type JsonSchema, type ParsedConfig } from './schema.ts';
import { readYaml, type YamlSource } from './yaml-source.ts';

/** A checked configuration, or everything that is wrong with it. */
export type Checked<C = Config> =
  | { readonly config: C; readonly problems?: undefined }
  | { readonly problems: readonly ConfigProblem[]; readonly config?: undefined };

/** More than this many problems are of no use to anybody. */
export const MAX_PROBLEMS = 200;
/** More than these the schema does not take. */
const MAX_CONNECTORS = 64;

let schema: JsonSchema | undefined;

/**
 * Checks the text of a configuration file. `file` is its name for messages, `folder` the one that relative paths count from. Never throws: a text is a configuration or
 * has problems, all of them at once, in the order of the file. Files that it names are not looked at: `checkWithFiles` does that.
 */
export function checkConfig(text: string, file: string, folder: string): Checked<ParsedConfig> {
  return checkSource(readYaml(text), file, folder);
}

function checkSource(source: YamlSource, file: string, folder: string): Checked<ParsedConfig> {
  const found: Found[] = source.problems.map(({ at, ...rest }) => ({ ...rest, at }));
  if (source.whole) {
    const result = configSchema.safeParse(source.value);
    if (!result.success) found.push(...problemsOf(result.error.issues, checkable(source.value)));
    found.push(...checkReferences(source.value));
    if (result.success && found.length === 0) {
      return { config: withPlaces(result.data, folder) };
    }
  }
  return { problems: ordered(found.map((problem) => placed(problem, source, file))) };
}

/** As `checkConfig`, and reads the device files and the shifts that it names: what is wrong in them stands there too, behind what is wrong in the configuration. */
export async function checkWithFiles(text: string, file: string, folder: string): Promise<Checked> {
  const source = readYaml(text);
  const checked = checkSource(source, file, folder);
  const devices = new DeviceFiles(folder);
  const problems = [...(checked.problems ?? [])];
  if (source.whole) {
    for (const [i, connector] of listOf(source.value, 'connectors').slice(0, MAX_CONNECTORS).entries()) {
      if (member(connector, 'kind') !== 'modbus') continue;
      const found = await devices.check(connector, ['connectors', i]);
      problems.push(...found.map((each) => placed(each, source, file)));
    }
  }
  const { shifts, found, problems: wrongShifts } = await readShifts(source.whole ? source.value : undefined, folder);
  problems.push(...found.map((each) => placed(each, source, file)), ...devices.problems, ...wrongShifts);
  if (checked.config === undefined || problems.length > 0) return { problems: ordered(problems) };
  const connectors = checked.config.connectors.map((connector) => {
    return connector.kind === 'modbus' ? devices.fill(connector) : connector;
  });
  const { name, timezone } = checked.config.site;
  return { config: { ...checked.config, site: { name, timezone, shifts }, connectors } };
}

/** Folders are absolute from here on. */
function withPlaces(config: ParsedConfig, folder: string): ParsedConfig {
  const { data, historian } = config;
  const { tier } = historian;
  const where = tier?.folder === undefined ? tier : { ...tier, folder: path.resolve(folder, tier.folder) };
  return { ...config, data: path.resolve(folder, data), historian: { ...historian, tier: where } };
}

function checkable(value: unknown) {
  return { value, schema: () => (schema ??= configJsonSchema()), laterKeys, isLaterValue };
}

/** A problem with its place in the file. */
export function placed(found: Found, source: YamlSource, file: string): ConfigProblem {
  const { key, wrong, expected } = found;
  const where = key === undefined ? found.path : [...found.path, key];
  const at = found.at ?? (key === undefined ? source.positionOf(where) : source.positionOfKey(found.path, key));
  return { file, line: at.line, column: at.column, path: formatPath(where), wrong, expected };
}

/** At most 200, in the order of the files; those that came first stay first where they stand in different ones. */
export function ordered(problems: readonly ConfigProblem[]): ConfigProblem[] {
  const files = [...new Set(problems.map(({ file }) => file))];
  const inOrder = problems.toSorted(
    (a, b) => files.indexOf(a.file) - files.indexOf(b.file) || a.line - b.line || a.column - b.column,
  );
  return inOrder.slice(0, MAX_PROBLEMS);
}
