import { chmodSync, cpSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { millrace, startGatewayIn, type Gateway } from '../end-to-end/gateway.ts';
import { dumpFrom } from '../end-to-end/topic-dump.ts';
import { missingRequirement, type Requirement } from '../services/require.ts';
import { findProgram, run, type Output } from '../services/run.ts';
import { gatewayFolder } from './gateway-folder.ts';
import { SteadyDevice } from './steady-device.ts';

/** Whether a process can be run as another user: in CI it must. */
function requireUsers(): Requirement {
  if (process.getuid?.() === 0 && findProgram('setpriv') !== undefined) return { available: true, reason: '' };
  return missingRequirement('permissions are tried by root, with setpriv');
}

const users = requireUsers();

/** A gateway that has written some samples and was stopped; each test damages something of it, and puts it back. */
let gateway: Gateway;
let samples = 0;
const logPath = (...names: string[]): string => path.join(gateway.data, 'log', ...names);

beforeAll(async () => {
  gateway = await startGatewayIn(await gatewayFolder());
  await using device = new SteadyDevice(gateway.mqttPort).start();
  await device.acknowledgedMore(gateway);
  const { missing, twice } = await device.finish(gateway);
  if (missing.length + twice.length > 0) throw new Error(`missing: ${missing.join()}; twice: ${twice.join()}`);
  samples = (await dumpFrom(gateway, 'samples', 0)).length;
  await gateway.stop();
});

afterAll(() => gateway[Symbol.asyncDispose]());

/** What a program printed that ended by itself with exit code 1, and without a stack trace. */
function refusal({ code, stdout, stderr }: Output): string {
  const printed = stdout.toString('utf8') + stderr;
  if (code !== 1 || /^ +at /m.test(printed)) throw new Error(`exit code ${code}: ${printed}`);
  return printed;
}

const start = (): Promise<Output> => millrace(['start', '-c', gateway.configFile], gateway.folder);

/** Samples that are there after a start, in a log that is sound. */
async function samplesAfterStart(): Promise<number> {
  gateway.start();
  await gateway.ready();
  const found = await dumpFrom(gateway, 'samples', 0);
  await gateway.stop();
  await gateway.cli('log', 'verify');
  return found.length;
}

/** Replaces a file of the log by another content while `work` runs. */
async function withContent(file: string, change: (text: string) => string, work: () => Promise<void>): Promise<void> {
  const before = readFileSync(file);
  writeFileSync(file, change(before.toString('utf8')));
  try {
    await work();
  } finally {
    writeFileSync(file, before);
  }
}

describe('a gateway does not start, says why and what to do, and has everything when that is done', () => {
  test.each([
    [
      'an offset of',
      'recovery-point-offset-checkpoint',
      /samples 0 x/,
      (text: string) => text.replace('es 0 ', 'es 0 x'),
    ],
    ['all of', 'recovery-point-offset-checkpoint', /is not a checkpoint file/, () => '\u0000\u0000'],
    ['the end of', 'log-start-offset-checkpoint', /log-start-offset-checkpoint/, (text: string) => text.slice(0, 9)],
    ['the end of', 'millrace.json', /does not name a log/, (text: string) => text.slice(0, 20)],
    ['the version of', 'millrace.json', /version 2/, (text: string) => text.replace('"v":1', '"v":2')],
  ])('%s %s is damaged', async (_, name, words, change) => {
    await withContent(logPath(name), change, async () => {
      const printed = refusal(await start());
      expect(printed).toMatch(words);
      expect(printed).toMatch(/cannot be read/);
    });
    expect(await samplesAfterStart()).toBeGreaterThanOrEqual(samples);
  });

  test('a checkpoint file that is gone is found again from the segments', async () => {
    for (const name of ['recovery-point-offset-checkpoint', 'log-start-offset-checkpoint']) rmSync(logPath(name));
    expect(await samplesAfterStart()).toBeGreaterThanOrEqual(samples);
  });

  test.each([
    ['the log folder', () => logPath()],
    ['the folder of a topic', () => logPath('samples-0')],
  ])('%s is a file', async (_, place) => {
    const aside = `${gateway.data}.aside`;
    renameSync(place(), aside);
    writeFileSync(place(), 'not a folder');
    try {
      expect(refusal(await start())).toMatch(/ENOTDIR|EEXIST|not a directory/i);
    } finally {
      rmSync(place());
      renameSync(aside, place());
    }
    expect(await samplesAfterStart()).toBeGreaterThanOrEqual(samples);
  });

  test.skipIf(!users.available)(`its files belong to somebody else ${users.reason}`, async () => {
    // A copy that everybody may enter, with a log that is root's alone.
    const copy = `${gateway.folder}.copy`;
    cpSync(gateway.folder, copy, { recursive: true });
    const logFolder = path.join(copy, 'data', 'log');
    try {
      await run('chown', ['-R', 'nobody', copy]);
      await run('chown', ['-R', 'root', logFolder]);
      chmodSync(logFolder, 0o700);
      const [node, launcher] = [process.execPath, path.resolve(import.meta.dirname, '../../edge/millrace.js')];
      const command = [
        '--reuid',
        'nobody',
        '--clear-groups',
        node,
        launcher,
        'start',
        '-c',
        path.join(copy, 'millrace.yaml'),
      ];
      const printed = refusal(await run('setpriv', command, { anyCode: true, cwd: copy, env: { HOME: copy } }));
      expect(printed).toMatch(/EACCES/);
      expect(printed).toMatch(/owner and permissions/);
    } finally {
      rmSync(copy, { recursive: true });
    }
    expect(await samplesAfterStart()).toBeGreaterThanOrEqual(samples);
  });
});
