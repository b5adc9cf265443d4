import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, existsSync, openSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, test } from 'vitest';
import { checkConfig } from '../config/check.ts';
import { COMMANDS_PAGE, commandsPage } from './commands-page.ts';
import { configuredFolder, exitOf, LAUNCHER, millrace, startMillrace, temporaryFolder } from './cli-kit.ts';
import { createProgram } from './program.ts';

describe('usage', () => {
  test.each([
    [[], 2],
    [['--help'], 0],
    [['--version'], 0],
    [['log'], 2],
    [['log', '--help'], 0],
    [['chek'], 2],
    [['status', '--colour'], 2],
    [['history'], 2],
    [['history', 'a/b', '--from', 'yesterday'], 2],
    [['history', 'a/b', '--format', 'xml'], 2],
    [['log', 'dump', 'samples', '--from', '-1'], 2],
    [['log', 'dump', 'nothing'], 2],
    [['status'], 2],
    [['init', '--site', 'a/b'], 2],
    [['check'], 2],
    [['demo', '--kafka', 'localhost'], 2],
    [['demo', '--port', '99999'], 2],
  ])('millrace %j ends with %d, without a stack trace', async (args, code) => {
    const ran = await millrace(args, { cwd: temporaryFolder() });
    expect(ran.code).toBe(code);
    expect(ran.stderr).not.toMatch(/^\s+at /m);
    expect(ran.stdout === '').toBe(code !== 0);
  });

  test('an error says what happened, the detail and what to do', async () => {
    const cwd = configuredFolder();
    expect((await millrace(['status'], { cwd })).stderr).toBe(
      `millrace: No gateway runs on this data folder.\n  ${cwd}/data\n  Start it with \`millrace start\`, the demo with \`npm start\`.\n`,
    );
    expect((await millrace(['statsu'], { cwd })).stderr).toBe(
      "millrace: The command was called with wrong arguments.\n  unknown command 'statsu' (Did you mean status?)\n  See `millrace --help`.\n",
    );
  });

  test('output that cannot be written is an error without a stack trace', async () => {
    const cwd = temporaryFolder();
    const full = openSync('/dev/full', 'w');
    const child = spawn(process.execPath, [LAUNCHER, 'check', '--schema'], { cwd, stdio: ['ignore', full, 'pipe'] });
    let said = '';
    child.stderr?.on('data', (part: Buffer) => (said += part.toString()));
    await once(child, 'close');
    expect(child.exitCode).toBe(1);
    expect(said).toMatch(/^millrace: A file cannot be written\.\n {2}standard output: ENOSPC.*\n.*\n$/);
    closeSync(full);
  });

  test('errors that nobody reads leave the exit code', async () => {
    const child = startMillrace(['chek'], { cwd: temporaryFolder() });
    child.stderr?.destroy();
    expect(await exitOf(child)).toBe(2);
  });

  test.each([
    ['status'],
    ['log topics'],
    ['log verify'],
    ['link list'],
    ['history a/b'],
    ['historian verify'],
    ['demo'],
  ])('%s: data that cannot be read are an error without a stack trace', async (command) => {
    const cwd = configuredFolder('data: ./millrace.yaml\n');
    const args = command === 'demo' ? ['demo', '--data', 'millrace.yaml'] : command.split(' ');
    const { code, stdout, stderr } = await millrace(args, { cwd });
    expect([code, stdout]).toEqual([1, '']);
    expect(stderr).toMatch(/^millrace: A file under the data folder cannot be read\.\n {2}.*ENOTDIR.*\n.*\n$/);
  });

  test('every command has help with an example', () => {
    const page = commandsPage();
    const sections = page.split(/^## /m).slice(1);
    expect(sections.length).toBeGreaterThanOrEqual(10);
    expect(sections.filter((section) => !/^Examples?:\n {2}millrace /m.test(section))).toEqual([]);
  });

  test.each([[[]], [['log']], [['bench']]])('so has what stands above them: %j', async (names) => {
    const { stdout } = await millrace([...names, '--help'], { cwd: temporaryFolder() });
    expect(stdout).toMatch(/\nExamples?:\n {2}millrace /);
  });

  test('commands that print a table have --json', () => {
    const printing = ['status', 'log topics', 'log dump', 'log verify', 'link list', 'link verify', 'check'];
    const program = createProgram();
    const silent = printing.filter((name) => {
      let command = program;
      for (const part of name.split(' ')) command = command.commands.find((sub) => sub.name() === part) ?? command;
      return !command.options.some((option) => option.long === '--json');
    });
    expect(silent).toEqual([]);
  });

  test('docs/commands.md is what the commands say; `npx node edge/cli/commands-page.ts` writes it', () => {
    expect(readFileSync(COMMANDS_PAGE, 'utf8')).toBe(commandsPage());
  });
});

describe('init', () => {
  test('writes a commented configuration that passes check', async () => {
    const cwd = temporaryFolder();
    expect(await millrace(['init', '--site', 'north: "mill"'], { cwd })).toMatchObject({ code: 0, stderr: '' });
    const text = readFileSync(path.join(cwd, 'millrace.yaml'), 'utf8');
    expect(checkConfig(text, 'millrace.yaml', cwd).config?.site.name).toBe('north: "mill"');
    expect(text.match(/^ *#/gm)?.length).toBeGreaterThan(10);
    expect(await millrace(['check'], { cwd })).toMatchObject({ code: 0, stderr: '' });
  });

  test('replaces nothing', async () => {
    const cwd = configuredFolder();
    const before = readFileSync(path.join(cwd, 'millrace.yaml'), 'utf8');
    const { code, stderr } = await millrace(['init'], { cwd });
    expect(code).toBe(1);
    expect(stderr).toBe(
      'millrace: The file exists already.\n  millrace.yaml\n  Give another name, or remove it first.\n',
    );
    expect(readFileSync(path.join(cwd, 'millrace.yaml'), 'utf8')).toBe(before);
  });

  test('says why it cannot write', async () => {
    const { code, stderr } = await millrace(['init', '-c', 'no/such/folder.yaml'], { cwd: temporaryFolder() });
    expect(code).toBe(1);
    expect(stderr).toContain('millrace: A file cannot be written.\n  no/such/folder.yaml: ENOENT');
  });
});

describe('check', () => {
  test('prints every error with its place, and ends with 2', async () => {
    const cwd = temporaryFolder();
    writeFileSync(path.join(cwd, 'bad.yaml'), 'version: 1\nsite: a/b\nstreams: []\nclocks: {}\n');
    const { code, stdout, stderr } = await millrace(['check', '-c', 'bad.yaml'], { cwd });
    expect([code, stdout]).toEqual([2, '']);
    expect(stderr)
      .toBe(`bad.yaml:2:7  site  "a/b" is not valid  expected a name that can be the first level of a tag, such as northmill
bad.yaml:3:1  streams  is not supported in this version  expected one of version, site, data, http, log, historian, clock, connectors, alarms, models, links
bad.yaml:4:1  clocks  is not a known key  expected "clock", the nearest known key
millrace: The configuration has errors.
  3 errors.
  Correct the lines that are named; \`millrace check\` shows all of them at once.
`);
  });

  test('gives the same as JSON', async () => {
    const cwd = temporaryFolder();
    writeFileSync(path.join(cwd, 'bad.yaml'), 'version: 1\n');
    const { code, stdout } = await millrace(['check', '-c', 'bad.yaml', '--json'], { cwd });
    expect(code).toBe(2);
    expect(JSON.parse(stdout)).toMatchObject({
      file: 'bad.yaml',
      problems: [{ file: 'bad.yaml', line: 1, column: 1, path: 'site', wrong: 'is missing' }],
    });
  });

  test('says that there may be more errors than it shows', async () => {
    const cwd = temporaryFolder();
    const keys = Array.from({ length: 250 }, (_, i) => `key${i}: 1\n`);
    writeFileSync(path.join(cwd, 'bad.yaml'), `version: 1\nsite: a\n${keys.join('')}`);
    const { stderr } = await millrace(['check', '-c', 'bad.yaml'], { cwd });
    expect(stderr.split('\n').slice(199, 202)).toEqual([
      expect.stringContaining('key199'),
      'millrace: The configuration has errors.',
      '  200 errors, and there may be more.',
    ]);
  });

  test('says of a right one how long its log lasts', async () => {
    const { code, stdout } = await millrace(['check'], { cwd: configuredFolder('log: { budget: 20GiB }\n') });
    expect(code).toBe(0);
    expect(stdout).toMatch(/^millrace\.yaml: no errors\n {2}site plant, data .* \(made at the first start\)\n/);
    expect(stdout).toContain('log.budget 20GiB lasts 8.3d at 1,000 samples/s and 1.8d at 10,000 samples/s');
  });

  test('says how long it lasts for the configured tags, and what was assumed', async () => {
    const topics = `[{ match: a/b, tag: a/b, value: $.v }, { match: "#" }]`;
    const connectors = `connectors: [{ name: floor, kind: mqtt-broker, topics: ${topics} }]\n`;
    const log = 'log: { budget: 64MiB, topics: { samples: { retention: 60d } } }\n';
    const cwd = temporaryFolder();
    writeFileSync(path.join(cwd, 'millrace.yaml'), `version: 1\nsite: plant\n${log}${connectors}`);
    const { code, stdout } = await millrace(['check'], { cwd });
    expect(code).toBe(0);
    expect(stdout.split('\n').slice(3, -1)).toEqual([
      '  log.budget 64MiB lasts 25.9d for 1 configured tag at 1 samples/s',
      '  assumed: one sample a second of each of 1 tag',
      '  not counted: tags of floor, whose number is not known before they come',
      '  log.topics.samples.retention 60d is longer than that: the budget wins',
      '  historian.retention 400d takes about 95.6MiB for the configured tags',
      '  historian.rollups minute 1100d, hour 3650d, day forever take about 20.4MiB beside that for the configured tags',
    ]);
  });

  test('says how long samples are kept, by class, and where the log keeps them for longer', async () => {
    const historian = '{ retention: forever, topics: { samples.bulk: { retention: 7d } } }';
    const log = '{ topics: { samples.bulk: { retention: 14d } } }';
    const { stdout } = await millrace(['check'], { cwd: configuredFolder(`historian: ${historian}\nlog: ${log}\n`) });
    expect(stdout.split('\n').slice(-4, -1)).toEqual([
      '  historian.retention forever grows by about 239.0MiB a day at 1,000 samples/s',
      '  historian.topics.samples.bulk.retention 7d',
      '  log.topics.samples.bulk.retention 14d is longer than the historian keeps them',
    ]);
  });

  test('prints the JSON Schema', async () => {
    const { code, stdout } = await millrace(['check', '--schema'], { cwd: temporaryFolder() });
    expect(code).toBe(0);
    expect(JSON.parse(stdout)).toMatchObject({ type: 'object', required: ['version', 'site'] });
  });
});

describe('start', () => {
  test('a second gateway on the same data fails at once and names the first', async () => {
    const cwd = configuredFolder();
    const first = startMillrace(['start'], { cwd });
    let said = '';
    first.stderr?.on('data', (text: Buffer) => (said += text.toString()));
    const socket = path.join(cwd, 'data', 'gateway.sock');
    const stateOf = (): string => (existsSync(socket) ? 'running' : first.exitCode === null ? 'starting' : said);
    await expect.poll(stateOf, { timeout: 60_000 }).toBe('running');
    const { code, stderr } = await millrace(['start'], { cwd });
    expect(code).toBe(1);
    expect(stderr).toContain(
      `millrace: Another gateway already runs on this data folder.\n  Process ${first.pid} has `,
    );
    first.kill('SIGTERM');
    expect(await exitOf(first)).toBe(0);
  });
});
