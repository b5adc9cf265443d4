import { readFile } from 'node:fs/promises';
import { z } from 'zod';
import { messageOf } from '../core/fault.ts';
import { problemsOf } from '../config/issues.ts';
import { type ConfigProblem, formatPath, type Found, quote } from '../config/problem.ts';
import type { JsonSchema } from '../config/schema.ts';
import { MAX_FILE_BYTES, readYaml } from '../config/yaml-source.ts';
import { type ImportMap, mapSchema } from './map-schema.ts';
import { ruleProblems } from './names.ts';

/** A checked map, or everything that is wrong with it. */
export type CheckedMap =
  | { readonly map: ImportMap; readonly problems?: undefined }
  | { readonly problems: readonly ConfigProblem[]; readonly map?: undefined };

/** Checks the text of a map; `file` is its name for messages. Never throws: all problems at once, in the order of the file. */
export function checkMap(text: string, file: string): CheckedMap {
  const source = readYaml(text);
  const found: Found[] = [...source.problems];
  if (source.whole) {
    // An empty file says nothing, which is a map too.
    const result = mapSchema.safeParse(source.value ?? {});
    if (result.success) {
      found.push(
        ...ruleProblems(result.data.tags ?? []).map(({ index, key, ...rest }) => ({
          path: ['tags', index, key],
          ...rest,
        })),
      );
      if (found.length === 0) return { map: result.data };
    } else found.push(...problemsOf(result.error.issues, { value: source.value, schema: mapJsonSchema }));
  }
  const problems = found.map(({ path, key, at, wrong, expected }): ConfigProblem => {
    const where = key === undefined ? path : [...path, key];
    const { line, column } = at ?? (key === undefined ? source.positionOf(where) : source.positionOfKey(path, key));
    return { file, line, column, path: formatPath(where), wrong, expected };
  });
  return { problems: problems.toSorted((a, b) => a.line - b.line || a.column - b.column).slice(0, 200) };
}

function mapJsonSchema(): JsonSchema {
  return z.toJSONSchema(mapSchema, { io: 'input' }) as JsonSchema;
}

/** Reads and checks a map. */
export async function readMap(file: string): Promise<CheckedMap> {
  const refused = (wrong: string, expected: string): CheckedMap => {
    return { problems: [{ file, line: 1, column: 1, path: '', wrong, expected }] };
  };
  let bytes: Uint8Array;
  try {
    bytes = await readFile(file);
  } catch (error) {
    return refused(`${quote(file)} cannot be read: ${messageOf(error)}`, 'a map in YAML');
  }
  if (bytes.length > MAX_FILE_BYTES) return refused(`has ${bytes.length} bytes`, `at most ${MAX_FILE_BYTES}`);
  try {
    return checkMap(new TextDecoder('utf-8', { fatal: true }).decode(bytes), file);
  } catch (error) {
    if (!(error instanceof TypeError)) throw error;
    return refused('is not UTF-8', 'text in UTF-8');
  }
}
