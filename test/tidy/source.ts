import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseSync, Visitor, type Comment, type ParseResult, type VisitorObject } from 'oxc-parser';

/** A file of the project: path from the root with `/`, and its text. */
export interface Source {
  readonly path: string;
  readonly text: string;
}

/** A source file that was parsed. */
export interface Code extends Source {
  readonly program: ParseResult['program'];
  readonly comments: readonly Comment[];
}

/** A fault of the house: `path:line  what`. */
export type Finding = string;

/** What is not written by us, or is data. */
const foreign = new Set(['.git', 'node_modules', 'data', 'data-demo', 'coverage', 'package-lock.json']);
const textFile = /(?:^|\/)(?:[^./]+|[^/]*\.(?:ts|js|mjs|md|json|ya?ml|java|py|html|css|sh|csv))$/;
const codeFile = /\.(?:ts|js|mjs)$/;

/** Every text file below the root that belongs to the project, committed or not yet. */
export function readSources(root: string, folder = ''): Source[] {
  return readdirSync(join(root, folder), { withFileTypes: true }).flatMap((entry) => {
    const path = folder === '' ? entry.name : `${folder}/${entry.name}`;
    if (foreign.has(entry.name)) return [];
    if (entry.isDirectory()) return readSources(root, path);
    return entry.isFile() && textFile.test(path) ? [{ path, text: readFileSync(join(root, path), 'utf8') }] : [];
  });
}

export function isCode(source: Source): boolean {
  return codeFile.test(source.path);
}

/** Parses a source file; one that cannot be parsed is an error that names it. */
export function parseCode(source: Source): Code {
  const { program, comments, errors } = parseSync(source.path, source.text);
  const [error] = errors;
  if (error !== undefined) throw new Error(`${source.path}: ${error.message}`);
  return { ...source, program, comments };
}

/** Visits the whole tree, parents before their children. */
export function visit(code: Code, visitor: VisitorObject): void {
  new Visitor(visitor).visit(code.program);
}

/** The line (from 1) of a position in the text. */
export function lineAt(source: Source, position: number): number {
  let line = 1;
  for (let at = source.text.indexOf('\n'); at >= 0 && at < position; at = source.text.indexOf('\n', at + 1)) line++;
  return line;
}

export function finding(source: Source, position: number, what: string): Finding {
  return `${source.path}:${lineAt(source, position)}  ${what}`;
}
