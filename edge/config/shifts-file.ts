import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { z } from 'zod';
import { type Shift, shiftsSchema } from '../../historian/analysis/shifts.ts';
import { messageOf } from '../core/fault.ts';
import { member } from './document.ts';
import { problemsOf } from './issues.ts';
import { type ConfigProblem, formatPath, type Found, quote } from './problem.ts';
import type { JsonSchema } from './schema.ts';
import { MAX_FILE_BYTES, readYaml } from './yaml-source.ts';

/** The shifts of a site, or what is wrong: with the file, in the configuration; or in the file, by its own lines. */
export interface CheckedShifts {
  readonly shifts: readonly Shift[];
  readonly found: readonly Found[];
  readonly problems: readonly ConfigProblem[];
}

const PLACE = ['site', 'shifts'];

/** Reads and checks the file that `site.shifts` names; no file, no shifts. A relative path counts from `folder`. Never throws. */
export async function readShifts(document: unknown, folder: string): Promise<CheckedShifts> {
  const name = member(member(document, 'site'), 'shifts');
  // What has another shape is left to the schema.
  if (typeof name !== 'string' || name === '') return { shifts: [], found: [], problems: [] };
  let bytes: Uint8Array;
  try {
    bytes = await readFile(path.resolve(folder, name));
  } catch (error) {
    const why = messageOf(error).replaceAll(/\s+/g, ' ');
    return refused(`${quote(name)} cannot be read: ${why}`, 'a file with a list of shifts');
  }
  if (bytes.length > MAX_FILE_BYTES) return refused(`has ${bytes.length} bytes`, `at most ${MAX_FILE_BYTES}`);
  try {
    return checkShifts(new TextDecoder('utf-8', { fatal: true }).decode(bytes), name);
  } catch {
    return refused('is not UTF-8', 'text in UTF-8');
  }
}

/** Checks the text of a file of shifts; `file` is its name for messages. Never throws: all problems at once, in the order of the file. */
export function checkShifts(text: string, file: string): CheckedShifts {
  const source = readYaml(text);
  const found: Found[] = source.problems.map((problem) => problem);
  if (source.whole) {
    const result = shiftsSchema.safeParse(source.value);
    if (result.success && found.length === 0) return { shifts: result.data, found: [], problems: [] };
    if (!result.success)
      found.push(...problemsOf(result.error.issues, { value: source.value, schema: shiftsJsonSchema }));
  }
  const problems = found.map(({ path: at, key, at: given, wrong, expected }): ConfigProblem => {
    const where = key === undefined ? at : [...at, key];
    const { line, column } = given ?? (key === undefined ? source.positionOf(where) : source.positionOfKey(at, key));
    return { file, line, column, path: formatPath(where), wrong, expected };
  });
  return { shifts: [], found: [], problems: problems.toSorted((a, b) => a.line - b.line || a.column - b.column) };
}

/** JSON Schema of a file of shifts. */
export function shiftsJsonSchema(): JsonSchema {
  return z.toJSONSchema(shiftsSchema, { io: 'input' }) as JsonSchema;
}

function refused(wrong: string, expected: string): CheckedShifts {
  return { shifts: [], found: [{ path: PLACE, wrong, expected }], problems: [] };
}
