import { resolve } from 'node:path';
import { describe, expect, test } from 'vitest';
import {
  escapeHatches,
  longFunctions,
  maxFunctionLines,
  rawConsole,
  unfinished,
  unreasonedSkips,
} from './tidy/code.ts';
import { importCycles, missingExtensions, upwardImports, wrongArrows } from './tidy/imports.ts';
import { isCode, parseCode, readSources, type Code, type Finding } from './tidy/source.ts';
import { longFiles, maxFileLines, missingReadmes, privateNames, unlistedFiles } from './tidy/text.ts';

const sources = readSources(resolve(import.meta.dirname, '..'));
const files = sources.filter(isCode).map(parseCode);

/** A made-up file. */
function file(path: string, ...lines: string[]): Code {
  return parseCode({ path, text: `${lines.join('\n')}\n` });
}

const lines = (count: number, line: string): string[] => Array.from({ length: count }, () => line);

/** The rules that look at one file each, with offenders (one finding a line) and innocents. */
const rules: { name: string; rule: (code: Code) => Finding[]; offenders: Code[]; innocents: Code[] }[] = [
  {
    name: 'imports follow the arrows of the house',
    rule: wrongArrows,
    offenders: [
      file('edge/core/a.ts', "import { b } from '../b.ts';"),
      file('edge/core/a.ts', "export * from '../../sync/b.ts';"),
      file('connectors/mqtt/a.ts', "import type { B } from '../../historian/b.ts';"),
      file('historian/a.ts', "const b = await import('../models/b.ts');"),
      file('models/a.ts', "type B = import('../edge/b.ts').B;"),
      file('sync/a.ts', "const w = new Worker(new URL('../connectors/b.ts', import.meta.url));"),
      file('sync/a.test.ts', "import { b } from '../historian/b.ts';"),
      file('firmware-sim/a.ts', "import { b } from '../edge/core/b.ts';"),
      file('edge/a.ts', "export { b } from '../test/services/b.ts';"),
      file('edge/a.ts', "import b from '../../elsewhere/b.ts';"),
    ],
    innocents: [
      file('edge/core/a.ts', "import { b } from './codec/b.ts';"),
      file('connectors/mqtt/a.ts', "import { b } from '../../edge/core/b.ts';", "import { c } from '../contract.ts';"),
      file('edge/cli/a.ts', "import { b } from '../../historian/b.ts';", "import { c } from '../core/c.ts';"),
      file('sync/a.test.ts', "import { startKafka } from '../test/services/kafka.ts';"),
      file('sync/link/link-kit.ts', "import { waitFor } from '../../test/services/wait.ts';"),
      file('test/crash/a.ts', "import { b } from '../../edge/b.ts';"),
      file(
        'sync/a.ts',
        "import { b } from 'node:fs';",
        "import c from 'zod';",
        "const u = new URL('http://127.0.0.1/');",
      ),
    ],
  },
  {
    name: 'the rooms of the historian import those below them',
    rule: upwardImports,
    offenders: [
      file('historian/points/a.ts', "import { b } from '../codec/b.ts';"),
      file('historian/limits.ts', "import type { B } from './points/b.ts';"),
      file('historian/questions/a.ts', "import { b } from '../client.ts';"),
      file('historian/parquet/a.ts', "import type { B } from '../sql/b.ts';"),
      file('historian/store/a.ts', "import { b } from '../kit/b-kit.ts';"),
      file('historian/attic/a.ts', 'export const a = 1;'),
    ],
    innocents: [
      file('historian/codec/a.ts', "import { b } from '../points/b.ts';", "import { c } from './c.ts';"),
      file('historian/points/a.ts', "import { b } from '../limits.ts';", "import { c } from '../../edge/core/c.ts';"),
      file('historian/points/a.test.ts', "import { b } from '../kit/b-kit.ts';"),
      file('historian/kit/a.ts', "import { b } from '../questdb/b.ts';"),
      file('historian/sql/sql-kit.ts', "import { b } from '../kit/b.ts';"),
      file('historian/client.ts', "import { b } from './questions/b.ts';"),
      file('historian/sql/a.ts', "import { b } from '../client.ts';", "new Worker(new URL('../questdb/b.ts', c));"),
    ],
  },
  {
    name: 'relative imports name their file with its extension',
    rule: missingExtensions,
    offenders: [file('a.ts', "import { b } from './b';"), file('a.ts', "export { b } from '../c/index';")],
    innocents: [
      file(
        'a.ts',
        "import { b } from './b.ts';",
        "import c from 'fastify';",
        "import d from './d.json' with { type: 'json' };",
      ),
    ],
  },
  {
    name: `functions have at most ${maxFunctionLines} lines`,
    rule: longFunctions,
    offenders: [
      file('a.ts', 'function a() {', ...lines(maxFunctionLines - 1, 'b();'), '}'),
      file('a.ts', 'class A { b() {', ...lines(maxFunctionLines - 1, 'c();'), '} }'),
      file('a.ts', 'const a = () => {', ...lines(maxFunctionLines - 1, 'b();'), '};'),
      file('a.test.ts', "test('a', () => { const b = () => {", ...lines(maxFunctionLines - 1, 'c();'), '}; });'),
      file('a.test.ts', 'beforeEach(() => {', ...lines(maxFunctionLines - 1, 'b();'), '});'),
    ],
    innocents: [
      file('a.ts', 'function a() {', ...lines(maxFunctionLines - 2, 'b();'), '}'),
      file(
        'a.test.ts',
        "describe('a', () => {",
        "test.skipIf(b)('b', async () => {",
        ...lines(90, 'c();'),
        '});',
        '});',
      ),
      file('a.test.ts', "it.each([1])('a', () => {", ...lines(90, 'b();'), '});'),
    ],
  },
  {
    name: 'nothing goes around the type checker or, without a reason, the linter',
    rule: escapeHatches,
    offenders: [
      file('a.ts', 'let a: any;'),
      file('a.ts', 'const a = b as any;'),
      file('a.ts', 'const a = b!.c;'),
      file('a.ts', 'class A { b!: number; }'),
      file('a.ts', 'let a!: number;'),
      file('a.ts', '// @ts-ignore'),
      file('a.ts', '/* @ts-expect-error why */'),
      file('a.ts', '// oxlint-disable-next-line no-empty'),
    ],
    innocents: [
      file(
        'a.ts',
        "const any = 'any';",
        'const a = !b;',
        '// in any case',
        "const text = '@ts-ignore';",
        'let c: unknown;',
      ),
      file('a.ts', '// oxlint-disable-next-line no-empty -- the file may be gone'),
    ],
  },
  {
    name: 'no test is left out without a reason',
    rule: unreasonedSkips,
    offenders: [
      file('a.test.ts', "test.skip('a', () => {});"),
      file('a.test.ts', "describe.todo('a');"),
      file('a.test.ts', '// reason: one looks at this one alone', "it.only('a', () => {});"),
      file('a.test.ts', "test.concurrent.skip.each([1])('a', () => {});"),
      file('a.test.ts', "test('a', { skip: true }, () => {});"),
      file('a.test.ts', "test.skipIf(true)('a', () => {});"),
      file('a.test.ts', '// reason: the line between makes it another line’s', 'b();', "test.skip('a', () => {});"),
    ],
    innocents: [
      file('a.test.ts', '// reason: the broker of Debian 12 cannot do this', "test.skip('a', () => {});"),
      file(
        'a.test.ts',
        "test.skipIf(!kafka.available)('a', () => {});",
        'reader.skip(4);',
        "fault.todo('x');",
        'const c = { only: 1 };',
      ),
    ],
  },
  {
    name: 'only the command line prints',
    rule: rawConsole,
    offenders: [file('edge/a.ts', "console.log('a');"), file('test/a.test.ts', "console.error('a');")],
    innocents: [file('edge/cli/a.ts', "console.log('a');"), file('sync/a.ts', "log.info('console.log');")],
  },
  {
    name: 'no work is put off in a comment',
    rule: unfinished,
    offenders: [file('a.ts', '// TODO: later'), file('a.ts', '/** FIXME */'), file('a.ts', 'a(); // XXX')],
    innocents: [file('a.ts', "const todo = 'what to do'; // what to do")],
  },
  {
    name: `source files have at most ${maxFileLines} lines`,
    rule: longFiles,
    offenders: [file('a.ts', ...lines(maxFileLines + 1, 'a();'))],
    innocents: [file('a.ts', ...lines(maxFileLines, 'a();'))],
  },
];

describe('the house', () => {
  test('all of it is looked at', () => {
    const paths = sources.map(({ path }) => path);
    expect(paths).toEqual(
      expect.arrayContaining([
        'package.json',
        '.ci/run',
        'test/tidy.test.ts',
        'edge/core/FORMAT.md',
        'edge/core/fault.ts',
      ]),
    );
    expect(paths.filter((path) => path.includes('node_modules'))).toEqual([]);
  });

  test.each(rules)('$name', ({ rule }) => {
    expect(files.flatMap(rule)).toEqual([]);
  });

  test('no files import one another in a circle', () => {
    expect(importCycles(files)).toEqual([]);
  });

  test('every folder with source files says what lives there', () => {
    expect(missingReadmes(sources)).toEqual([]);
    expect(unlistedFiles(sources)).toEqual([]);
  });

  test('nothing names a path of one machine or a registry', () => {
    expect(sources.flatMap(privateNames)).toEqual([]);
  });
});

describe('the rules themselves', () => {
  test.each(rules)('$name: offenders are found, innocents are not', ({ rule, offenders, innocents }) => {
    expect(offenders.map((code) => rule(code).length)).toEqual(offenders.map(() => 1));
    expect(innocents.flatMap(rule)).toEqual([]);
  });

  test('a finding names file and line', () => {
    expect(rawConsole(file('edge/a.ts', '', '// ü', "console.log('a');"))).toEqual(['edge/a.ts:3  console']);
  });

  test('circles of two and of three are found, also through types; a worker’s entry closes none', () => {
    const two = [file('sync/a.ts', "import type { B } from './b.ts';"), file('sync/b.ts', "export * from './a.ts';")];
    expect(importCycles(two)).toEqual([expect.stringContaining('sync/a.ts -> sync/b.ts -> sync/a.ts')]);
    const three = [
      file('a.ts', "import './b/b.ts';"),
      file('b/b.ts', "await import('../c.ts');"),
      file('c.ts', "import { a } from './a.ts';", "import { d } from './d.ts';"),
      file('d.ts', "new Worker(new URL('./a.ts', import.meta.url));"),
    ];
    expect(importCycles(three)).toEqual([expect.stringContaining('a.ts -> b/b.ts -> c.ts -> a.ts')]);
    expect(importCycles(three.slice(1))).toEqual([]);
  });

  test('a folder without README.md is found, one without source files needs none', () => {
    const text = '';
    const found = missingReadmes(
      ['sync/a.ts', 'sync/b/c.ts', 'sync/README.md', 'docs/x.md'].map((path) => ({ path, text })),
    );
    expect(found).toEqual(['sync/b/README.md:1  is missing']);
  });

  test('a file that the README.md of its folder does not name is found', () => {
    const readme = { path: 'sync/README.md', text: '- `a.ts`: what begins' };
    const others = ['a.ts', 'b.ts', 'b.test.ts', 'c/d.ts', 'e.md'].map((name) => ({ path: `sync/${name}`, text: '' }));
    expect(unlistedFiles([readme, ...others])).toEqual(['sync/README.md:1  sync/b.ts is not in it']);
    expect(unlistedFiles([{ ...readme, text: 'Routes, a file for each subject.' }, ...others])).toEqual([]);
  });

  test('paths of one machine and registries are found in any text', () => {
    const offenders = [
      ['', 'home', 'me', 'x'].join('/'),
      ['cd ', 'root', ''].join('/'),
      ['"', 'work', 'main'].join('/'),
      ['C:', 'Users', 'me'].join('\\'),
      ['https:/', 'registry.example.com'].join('/'),
      ['files.pythonhosted', 'org'].join('.'),
    ];
    expect(offenders.map((text) => privateNames({ path: 'docs/a.md', text }).length)).toEqual(offenders.map(() => 1));
    const innocents = [
      '~/.cache/millrace',
      'https://kafka.apache.org/protocol',
      'edge/work/queue.ts',
      'homepage',
      'a/home/b',
    ];
    expect(innocents.flatMap((text) => privateNames({ path: 'docs/a.md', text }))).toEqual([]);
  });
});
