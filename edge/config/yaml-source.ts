import {
  type Document,
  isAlias,
  isMap,
  isScalar,
  isSeq,
  LineCounter,
  type Node,
  parseDocument,
  type YAMLMap,
} from 'yaml';
import { messageOf } from '../core/fault.ts';
import { type Path, quote } from './problem.ts';

/** Bounds of a configuration file: beyond them it is refused, so that no text can take the gateway's memory or time. */
export const MAX_FILE_BYTES = 1024 * 1024;
const MAX_DEPTH = 32;
const MAX_ALIASES = 100;
const MAX_NODES = 100_000;

/** A place in the text, both from 1. */
interface Position {
  readonly line: number;
  readonly column: number;
}

/** What the text itself has wrong, before anybody looks at what it says. */
interface SourceProblem {
  readonly at: Position;
  readonly path: Path;
  readonly wrong: string;
  readonly expected: string;
}

/** A YAML text as plain data, with the place of each part. */
export interface YamlSource {
  readonly value: unknown;
  readonly problems: readonly SourceProblem[];
  /** False: the text could not be read to its end, so that what is missing in `value` says nothing. */
  readonly whole: boolean;
  /** Place of a value; of its nearest parent where it is missing. */
  positionOf(path: Path): Position;
  /** Place of a key of the mapping at `path`. */
  positionOfKey(path: Path, key: string): Position;
}

/** Reads YAML 1.2 (core schema: `no`, `on` and `12:30` are text). Never throws. */
export function readYaml(text: string): YamlSource {
  const lines = new LineCounter();
  const reader = new SourceReader(lines);
  try {
    const document = parseDocument(text, {
      version: '1.2',
      stringKeys: true,
      resolveKnownTags: false,
      prettyErrors: false,
      logLevel: 'error',
      lineCounter: lines,
    });
    return reader.read(document, text);
  } catch (error) {
    // The parser recurses: a text of nothing but brackets exhausts the stack, and is refused like any other deep one.
    const wrong = error instanceof RangeError ? 'is nested too deeply' : `cannot be read (${messageOf(error)})`;
    return reader.refuse(wrong);
  }
}

class SourceReader {
  private readonly lines: LineCounter;
  private readonly problems: SourceProblem[] = [];
  private readonly values = new Map<string, number>();
  private readonly keys = new Map<string, number>();
  private nodes = 0;
  private aliases = 0;
  private whole = true;

  constructor(lines: LineCounter) {
    this.lines = lines;
  }

  read(document: Document.Parsed, text: string): YamlSource {
    for (const { code, message, pos } of [...document.errors, ...document.warnings]) {
      if (code !== 'DUPLICATE_KEY' && code !== 'TAG_RESOLVE_FAILED') this.whole = false;
      const [wrong, expected] = syntaxMessages[code] ?? [`is not YAML: ${message}`, 'YAML 1.2'];
      const token = code === 'DUPLICATE_KEY' || code === 'TAG_RESOLVE_FAILED' ? `${quote(wordAt(text, pos[0]))} ` : '';
      this.fail([], pos[0], token + wrong, expected);
    }
    if (document.directives.yaml.explicit && document.directives.yaml.version !== '1.2') {
      this.fail([], 0, `declares YAML ${document.directives.yaml.version}`, 'YAML 1.2, where `no` and `on` are text');
    }
    const value = this.valueOf(document, document.contents, []);
    return this.source(value);
  }

  refuse(wrong: string): YamlSource {
    this.whole = false;
    this.fail([], 0, wrong, 'YAML 1.2');
    return this.source(undefined);
  }

  private source(value: unknown): YamlSource {
    return {
      value,
      problems: this.problems,
      whole: this.whole,
      positionOf: (path) => this.place(this.nearestOffset(path)),
      positionOfKey: (path, key) => this.place(this.keys.get(nameOf([...path, key])) ?? this.nearestOffset(path)),
    };
  }

  private nearestOffset(path: Path): number {
    for (let length = path.length; length > 0; length--) {
      const offset = this.values.get(nameOf(path.slice(0, length)));
      if (offset !== undefined) return offset;
    }
    return 0;
  }

  private place(offset: number): Position {
    const { line, col } = this.lines.linePos(offset);
    return { line: Math.max(line, 1), column: Math.max(col, 1) };
  }

  private fail(path: Path, offset: number, wrong: string, expected: string): undefined {
    this.problems.push({ at: this.place(offset), path, wrong, expected });
    return undefined;
  }

  /** A node as plain data; undefined (and a problem) where a bound is passed. */
  private valueOf(document: Document.Parsed, node: Node | null, path: Path): unknown {
    const offset = node?.range?.[0];
    if (offset !== undefined) this.values.set(nameOf(path), offset);
    if (node === null) return null;
    if (++this.nodes > MAX_NODES) return this.tooMuch(path, `has more than ${MAX_NODES} values`);
    if (path.length > MAX_DEPTH) return this.tooMuch(path, `is nested deeper than ${MAX_DEPTH} levels`);
    if (isAlias(node)) {
      if (++this.aliases > MAX_ALIASES) return this.tooMuch(path, `uses more than ${MAX_ALIASES} aliases`);
      const target = node.resolve(document);
      if (target === undefined) return this.tooMuch(path, `is the alias ${quote(`*${node.source}`)} of no anchor`);
      return this.valueOf(document, target, path);
    }
    if (isMap(node)) return this.membersOf(document, node, path);
    if (isSeq(node)) return node.items.map((item, i) => this.valueOf(document, item as Node | null, [...path, i]));
    return isScalar(node) ? node.value : undefined;
  }

  private membersOf(document: Document.Parsed, map: YAMLMap, path: Path): Record<string, unknown> {
    const result: Record<string, unknown> = {};
    for (const { key, value } of map.items) {
      const name = isScalar(key) && typeof key.value === 'string' ? key.value : String(key);
      const below = [...path, name];
      const keyOffset = isScalar(key) ? key.range?.[0] : undefined;
      if (keyOffset !== undefined) {
        this.keys.set(nameOf(below), keyOffset);
        this.values.set(nameOf(below), keyOffset);
      }
      const member = this.valueOf(document, value as Node | null, below);
      // Not by assignment: `__proto__` is a member like any other.
      Object.defineProperty(result, name, { value: member, enumerable: true, configurable: true, writable: true });
    }
    return result;
  }

  private tooMuch(path: Path, wrong: string): undefined {
    if (!this.whole) return undefined;
    this.whole = false;
    return this.fail(path, this.nearestOffset(path), wrong, 'a configuration of a sane size');
  }
}

function nameOf(path: Path): string {
  return JSON.stringify(path);
}

/** The text of a key or tag, for a message. */
function wordAt(text: string, offset: number): string {
  return /^[^\s:,{}[\]]*/.exec(text.slice(offset, offset + 100))?.[0] ?? '';
}

const syntaxMessages: Readonly<Record<string, readonly [wrong: string, expected: string]>> = {
  DUPLICATE_KEY: ['stands twice', 'each key once'],
  TAB_AS_INDENT: ['is indented with a tab', 'blanks'],
  NON_STRING_KEY: ['is a key that is no text', 'text as a key'],
  MULTIPLE_DOCS: ['is a second document', 'one document'],
  TAG_RESOLVE_FAILED: ['has a tag (`!…`)', 'a value without a tag'],
};
