import { posix } from 'node:path';
import { finding, visit, type Code, type Finding } from './source.ts';

/** One file that names another. */
interface Reference {
  readonly specifier: string;
  readonly position: number;
  /** Whether it is loaded with the file that names it; a worker's entry (`new URL('./x.ts', import.meta.url)`) is not. */
  readonly loads: boolean;
}

/** What each part of the house may import besides itself and packages. `DESIGN`: imports go downwards. */
const mayImport: Readonly<Record<string, readonly string[]>> = {
  'edge/core': [],
  connectors: ['edge/core'],
  historian: ['edge/core'],
  models: ['edge/core'],
  sync: ['edge/core'],
  'firmware-sim': [],
  edge: ['edge/core', 'connectors', 'historian', 'models', 'sync', 'firmware-sim'],
  test: ['edge/core', 'connectors', 'historian', 'models', 'sync', 'firmware-sim', 'edge'],
};

/**
 * The rooms of a part from the lowest to the highest: each imports itself and those before it. Folders and files by their paths; `''`: the other files of the part's own folder. Tests and kits may
 * import any.
 */
const rooms: Readonly<Record<string, readonly string[]>> = {
  historian: [
    'limits.ts',
    'eraser.ts',
    'own-process.ts',
    'points',
    'codec',
    'files',
    'codec/measure.ts',
    'memory',
    'follow',
    'reading',
    'store',
    'queries',
    'aggregates',
    'analysis',
    'questions',
    '',
    'arrow',
    'duckdb',
    'parquet',
    'sql',
    'questdb',
    'kit',
  ],
};

/** The part that a path belongs to; undefined for files at the root. */
function partOf(path: string): string | undefined {
  const names = Object.keys(mayImport).toSorted((a, b) => b.length - a.length);
  return names.find((name) => path.startsWith(`${name}/`));
}

/** Imports against the arrows of the house. A test beside the code, and what is made for tests there, may also use what lies in `test/`. */
export function wrongArrows(code: Code): Finding[] {
  const from = partOf(code.path);
  if (from === undefined) return [];
  const allowed = [from, ...(mayImport[from] ?? []), ...(isForTests(code.path) ? ['test'] : [])];
  return relativeReferences(code).flatMap(({ specifier, position }) => {
    const target = resolved(code.path, specifier);
    const to = partOf(target);
    return to !== undefined && allowed.includes(to)
      ? []
      : [finding(code, position, `${from} may not import ${target}`)];
  });
}

/** Imports of a room that lies above, and rooms that have no place yet. */
export function upwardImports(code: Code): Finding[] {
  const from = roomOf(code.path);
  if (from === undefined || isForTests(code.path)) return [];
  if (from.level < 0) return [finding(code, 0, `${from.part} has no place for this room (test/tidy/imports.ts)`)];
  return relativeReferences(code)
    .filter(({ loads }) => loads)
    .flatMap(({ specifier, position }) => {
      const target = resolved(code.path, specifier);
      const to = roomOf(target);
      return to?.part === from.part && to.level > from.level
        ? [finding(code, position, `${target} lies above this room`)]
        : [];
    });
}

/** Tests, and kits for them. */
function isForTests(path: string): boolean {
  return /(?:\.test|\bkit)\.ts$|\/kit\//.test(path);
}

/** How high the room of a file lies in its part, -1: nobody knows; undefined: its part has no rooms. */
function roomOf(path: string): { readonly part: string; readonly level: number } | undefined {
  const part = partOf(path);
  const levels = part === undefined ? undefined : rooms[part];
  if (part === undefined || levels === undefined) return undefined;
  const inPart = path.slice(part.length + 1);
  const folder = inPart.slice(0, Math.max(0, inPart.indexOf('/')));
  return { part, level: levels.indexOf(levels.includes(inPart) ? inPart : folder) };
}

/** Relative imports whose file name has no extension: Node runs the files as they are and guesses nothing. */
export function missingExtensions(code: Code): Finding[] {
  return relativeReferences(code)
    .filter(({ specifier }) => !/\.(?:ts|js|mjs|json|ya?ml|md|html|css|py|csv|txt)$/.test(specifier))
    .map(({ specifier, position }) => finding(code, position, `${specifier} has no file extension`));
}

/** Files that import one another in a circle, each circle once. Types count: what two files share belongs into a third. */
export function importCycles(files: readonly Code[]): Finding[] {
  const graph = new Map(files.map((code) => [code.path, loadedBy(code)]));
  const done = new Set<string>();
  const cycles: Finding[] = [];
  const follow = (path: string, trail: readonly string[]): void => {
    const start = trail.indexOf(path);
    if (start >= 0) cycles.push(`${path}:1  import cycle: ${[...trail.slice(start), path].join(' -> ')}`);
    if (start >= 0 || done.has(path)) return;
    for (const next of graph.get(path) ?? []) follow(next, [...trail, path]);
    done.add(path);
  };
  for (const path of graph.keys()) follow(path, []);
  return cycles;
}

function loadedBy(code: Code): string[] {
  const references = relativeReferences(code).filter(({ loads }) => loads);
  return [...new Set(references.map(({ specifier }) => resolved(code.path, specifier)))];
}

function resolved(path: string, specifier: string): string {
  return posix.normalize(posix.join(posix.dirname(path), specifier));
}

function relativeReferences(code: Code): Reference[] {
  const references: Reference[] = [];
  const add = (node: { value: unknown; start: number }, loads = true): void => {
    if (typeof node.value !== 'string' || !/^\.{1,2}\//.test(node.value)) return;
    references.push({ specifier: node.value, position: node.start, loads });
  };
  visit(code, {
    ImportDeclaration: (node) => add(node.source),
    ExportAllDeclaration: (node) => add(node.source),
    ExportNamedDeclaration: (node) => node.source !== null && add(node.source),
    ImportExpression: (node) => node.source.type === 'Literal' && add(node.source),
    TSImportType: (node) => add(node.source),
    NewExpression: ({ callee, arguments: [first] }) => {
      if (callee.type === 'Identifier' && callee.name === 'URL' && first?.type === 'Literal') add(first, false);
    },
  });
  return references;
}
