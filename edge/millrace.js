#!/usr/bin/env node
// The launcher. Plain JavaScript that an old Node understands too: where Node is older than 24 it runs itself again under the one that the package brings along
// (npm package `node`) and passes arguments, standard streams, signals and the exit code through. Under the right Node there is no second process.
import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import module from 'node:module';
import net from 'node:net';
import os from 'node:os';
import path from 'node:path';
import process from 'node:process';
import { fileURLToPath } from 'node:url';

const REQUIRED_NODE = 24;
/** Number of the descriptor over which the second process sees that the first one is gone. */
const PARENT_FD = 3;
const PARENT_LOOK_EVERY_MS = 250;
const SIGNALS = ['SIGTERM', 'SIGINT', 'SIGHUP', 'SIGUSR2'];

const self = fileURLToPath(import.meta.url);
process.env.NODE_COMPILE_CACHE ||= cacheFolder();

if (Number(process.versions.node.split('.')[0]) >= REQUIRED_NODE) await start();
else startAgain();

async function start() {
  watchParent();
  watchNpm(() => process.kill(process.pid, 'SIGTERM'));
  // For this thread: the variable counts only for those that begin after it was set. A folder that cannot be written costs speed, nothing else.
  if (process.env.NODE_COMPILE_CACHE) module.enableCompileCache(process.env.NODE_COMPILE_CACHE);
  const { main } = await import('./cli/main.ts');
  await main(process.argv.slice(2));
}

function startAgain() {
  const node = bundledNode();
  if (node === undefined || process.env.MILLRACE_PARENT_FD !== undefined) {
    console.error(`millrace: Node ${process.versions.node} is too old, and the package's own is missing.`);
    console.error(`  Millrace needs Node ${REQUIRED_NODE}; npm installs it with the package (node_modules/node).`);
    console.error('  Run `npm ci` again, and let the install script of the package `node` run.');
    process.exit(1);
  }
  const child = spawn(node, [...process.execArgv, self, ...process.argv.slice(2)], {
    stdio: ['inherit', 'inherit', 'inherit', 'pipe'],
    env: { ...process.env, MILLRACE_PARENT_FD: String(PARENT_FD) },
  });
  for (const signal of SIGNALS) process.on(signal, () => child.kill(signal));
  watchNpm(() => child.kill('SIGTERM'));
  child.on('error', (error) => {
    console.error(`millrace: ${node} cannot be started.\n  ${error.message}\n  Run \`npm ci\` again.`);
    process.exit(1);
  });
  child.on('exit', (code, signal) => {
    if (signal === null) process.exit(code);
    // Ends the way the other process ended, so that a shell or supervisor sees the same.
    process.removeAllListeners(signal);
    process.kill(process.pid, signal);
    setTimeout(() => process.exit(128 + os.constants.signals[signal]), 1000);
  });
}

/** Node as the package brings it along: next to this package or above it, as npm lays packages out. */
function bundledNode() {
  const name = process.platform === 'win32' ? 'node.exe' : 'node';
  for (let folder = path.dirname(self); ; folder = path.dirname(folder)) {
    const file = path.join(folder, 'node_modules', 'node', 'bin', name);
    if (existsSync(file)) return file;
    if (path.dirname(folder) === folder) return undefined;
  }
}

/**
 * In the second process: ends with the first one, also when that is killed (SIGKILL cannot be passed on). A gateway that lived on unseen would keep its data folder from the next.
 */
function watchParent() {
  const fd = process.env.MILLRACE_PARENT_FD;
  delete process.env.MILLRACE_PARENT_FD;
  if (fd !== String(PARENT_FD)) return;
  const parent = new net.Socket({ fd: PARENT_FD, readable: true, writable: false });
  parent.on('error', () => process.kill(process.pid, 'SIGKILL'));
  parent.on('close', () => process.kill(process.pid, 'SIGKILL'));
  parent.resume();
  parent.unref();
}

/**
 * npm and npx put a shell between themselves and this process: a SIGTERM ends npm and the shell and never arrives here. That the parent has gone is seen, and taken for the
 * signal. Without npm a process may well outlive its parent.
 * @param {() => unknown} end
 */
function watchNpm(end) {
  if (process.env.npm_lifecycle_event === undefined) return;
  const parent = process.ppid;
  const timer = setInterval(() => {
    if (process.ppid === parent) return;
    clearInterval(timer);
    end();
  }, PARENT_LOOK_EVERY_MS);
  timer.unref();
}

/** Where compiled code is kept between starts: halves the start and the memory of workers. */
function cacheFolder() {
  const { env, platform } = process;
  let home;
  try {
    home = os.homedir();
  } catch {
    return '';
  }
  const windows = env.LOCALAPPDATA ?? path.join(home, 'AppData', 'Local');
  const unix = platform === 'darwin' ? path.join(home, 'Library', 'Caches') : path.join(home, '.cache');
  const cache = platform === 'win32' ? windows : (env.XDG_CACHE_HOME ?? unix);
  return path.join(cache, 'millrace', 'compiled');
}
