import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { copyFileSync, existsSync, readdirSync, symlinkSync } from 'node:fs';
import path from 'node:path';
import { createInterface } from 'node:readline';
import { describe, expect, test } from 'vitest';
import { version } from '../version.ts';
import {
  childrenOf,
  configuredFolder,
  exitOf,
  LAUNCHER,
  millrace,
  type RunOptions,
  startMillrace,
  temporaryFolder,
} from './cli-kit.ts';

const oldNode = findOldNode();
const linux = process.platform === 'linux';

/** A Node on the PATH that is too old for Millrace but not for the launcher. */
function findOldNode(): string | undefined {
  for (const folder of (process.env['PATH'] ?? '').split(path.delimiter)) {
    const file = path.join(folder, 'node');
    if (folder.includes('node_modules') || !existsSync(file)) continue;
    const major = Number(execFileSync(file, ['-p', 'process.versions.node']).toString().split('.')[0]);
    if (major >= 18 && major < 24) return file;
  }
  return undefined;
}

/** Starts a gateway and waits until it is ready; the lines that it printed are kept. */
async function startGateway(options: RunOptions) {
  const child = startMillrace(['start', '--log-format', 'text'], options);
  const lines: string[] = [];
  if (child.stdout !== null) createInterface({ input: child.stdout }).on('line', (line) => lines.push(line));
  await expect.poll(() => lines.some((line) => line.includes('ready: http')), { timeout: 60_000 }).toBe(true);
  return { child, pid: child.pid ?? 0, lines };
}

/** What holds under any Node. */
function describeLauncher(node: string): void {
  test('arguments and exit codes pass through', async () => {
    const cwd = temporaryFolder();
    expect(await millrace(['--version'], { cwd, node })).toEqual({ code: 0, stdout: `${version}\n`, stderr: '' });
    expect(await millrace(['status', '-c', 'no such.yaml'], { cwd, node })).toMatchObject({
      code: 2,
      stdout: '',
      stderr: expect.stringContaining('no such.yaml') as string,
    });
  });

  test('it works through a link from any folder', async () => {
    const cwd = temporaryFolder();
    const launcher = path.join(cwd, 'millrace');
    symlinkSync(LAUNCHER, launcher);
    expect(await millrace(['-V'], { cwd, node, launcher })).toMatchObject({ code: 0, stdout: `${version}\n` });
  });

  test.runIf(linux)('under npm the end of its shell is the end of the gateway, and a clean one', async () => {
    const cwd = configuredFolder();
    const command = `"${node}" "${LAUNCHER}" start --log-format text; true`;
    const env = { ...process.env, npm_lifecycle_event: 'start' };
    const shell = spawn('sh', ['-c', command], { cwd, env, stdio: ['ignore', 'pipe', 'inherit'] });
    const lines: string[] = [];
    const log = createInterface({ input: shell.stdout }).on('line', (line) => lines.push(line));
    const ended = once(log, 'close');
    await expect.poll(() => lines.some((line) => line.includes('ready: http')), { timeout: 60_000 }).toBe(true);
    shell.kill('SIGTERM');
    // Its output is open for as long as the gateway lives.
    await ended;
    expect(lines.at(-1)).toMatch(/ stopped$/);
    expect(existsSync(path.join(cwd, 'data', 'gateway.sock'))).toBe(false);
  });

  test('compiled code is kept in the cache, or where the user says', async () => {
    const cwd = temporaryFolder();
    const cache = path.join(cwd, 'cache');
    const own = path.join(cwd, 'own');
    await millrace(['-V'], { cwd, node, env: { XDG_CACHE_HOME: cache, NODE_COMPILE_CACHE: '' } });
    expect(readdirSync(path.join(cache, 'millrace', 'compiled'))).toHaveLength(1);
    await millrace(['-V'], { cwd, node, env: { XDG_CACHE_HOME: cache, NODE_COMPILE_CACHE: own } });
    expect(readdirSync(own)).toHaveLength(1);
  });

  test.each(['SIGTERM', 'SIGINT', 'SIGHUP'] as const)('%s ends a gateway in order, exit code 0', async (signal) => {
    const cwd = configuredFolder();
    const { child, lines } = await startGateway({ cwd, node });
    child.kill(signal);
    expect(await exitOf(child)).toBe(0);
    expect(lines.at(-1)).toMatch(/ stopped$/);
    expect(readdirSync(path.join(cwd, 'data')).filter((name) => name.startsWith('gateway.sock'))).toEqual([]);
  });

  test('kill -9 leaves no gateway behind, and the next one starts at once', async () => {
    const cwd = configuredFolder();
    const first = await startGateway({ cwd, node });
    first.child.kill('SIGKILL');
    expect(await exitOf(first.child)).toBe('SIGKILL');
    const second = await startGateway({ cwd, node });
    second.child.kill('SIGTERM');
    expect(await exitOf(second.child)).toBe(0);
  });
}

describe('under the right Node', () => {
  describeLauncher(process.execPath);

  test.runIf(linux)('there is no second process', async () => {
    const { pid } = await startGateway({ cwd: configuredFolder() });
    expect(childrenOf(pid)).toEqual([]);
  });
});

describe.skipIf(oldNode === undefined)('under a Node that is too old (skipped where none is on the PATH)', () => {
  const node = oldNode ?? '';

  describeLauncher(node);

  test.runIf(linux)('the second process is the Node of the package, and its end is the end of the first', async () => {
    const { child, pid } = await startGateway({ cwd: configuredFolder(), node });
    const [second = 0, ...others] = childrenOf(pid);
    expect(others).toEqual([]);
    process.kill(second, 'SIGKILL');
    expect(await exitOf(child)).toBe('SIGKILL');
  });

  test('without the Node of the package it says what to do', async () => {
    const cwd = temporaryFolder();
    const launcher = path.join(cwd, 'millrace.mjs');
    copyFileSync(LAUNCHER, launcher);
    const { code, stderr } = await millrace(['-V'], { cwd, node, launcher });
    expect(code).toBe(1);
    expect(stderr).toMatch(
      /^millrace: Node \S+ is too old, and the package's own is missing\.\n {2}.*\n {2}Run `npm ci`/,
    );
  });
});
