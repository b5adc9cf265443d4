import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { text } from 'node:stream/consumers';
import { onTestFinished } from 'vitest';
import type { ApiServer } from '../api/server.ts';
import { type MemoryServices, serverOf } from '../api/services-kit.ts';
import { Log } from '../core/log.ts';
import { BatchEncoder, type RecordHeader } from '../core/record-batch.ts';
import { type Sample, ValueKind } from '../core/sample.ts';
import { SampleKey } from '../core/sample-key.ts';
import { DataLock } from '../lock/data-lock.ts';

/** For tests: the launcher, as npm links it. */
export const LAUNCHER = path.join(import.meta.dirname, '..', 'millrace.js');

/** What a command did. */
export interface Ran {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

export interface RunOptions {
  readonly cwd: string;
  readonly node?: string;
  readonly launcher?: string;
  readonly env?: Readonly<Record<string, string>>;
}

/** A folder that is removed after the test. */
export function temporaryFolder(): string {
  const folder = mkdtempSync(path.join(os.tmpdir(), 'millrace-cli-'));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

/** Starts a command that is killed after the test, if it has not ended by then. */
export function startMillrace(args: readonly string[], options: RunOptions): ChildProcess {
  const { cwd, node = process.execPath, launcher = LAUNCHER, env = {} } = options;
  const child = spawn(node, [launcher, ...args], { cwd, env: { ...process.env, ...env }, stdio: 'pipe' });
  onTestFinished(async () => {
    child.kill('SIGKILL');
    await exitOf(child);
  });
  return child;
}

/** Exit code or signal of a process, once it has ended. */
export async function exitOf(child: ChildProcess): Promise<number | NodeJS.Signals | null> {
  if (child.exitCode === null && child.signalCode === null) await once(child, 'exit');
  return child.exitCode ?? child.signalCode;
}

/** Runs a command to its end. */
export async function millrace(args: readonly string[], options: RunOptions): Promise<Ran> {
  const child = startMillrace(args, options);
  child.stdin?.end();
  const { stdout: out, stderr: err } = child;
  if (out === null || err === null) throw new Error('no pipes');
  const [stdout, stderr] = await Promise.all([text(out), text(err)]);
  await exitOf(child);
  return { code: child.exitCode, stdout, stderr };
}

/** Runs a program on a terminal of its own, with what this process has as its keyboard and screen, and ends with its exit code. */
const ON_TERMINAL = 'import os, pty, sys\nsys.exit(os.waitstatus_to_exitcode(pty.spawn(sys.argv[1:])))';

/** Runs a command on a real terminal, to its end: when it has asked the question, `keys` are typed. All that it prints is in `stdout`. */
export async function millraceOnTerminal(
  args: readonly string[],
  { cwd, question, keys }: { readonly cwd: string; readonly question: string; readonly keys: string },
): Promise<Ran> {
  const child = spawn('python3', ['-c', ON_TERMINAL, process.execPath, LAUNCHER, ...args], { cwd, stdio: 'pipe' });
  onTestFinished(async () => {
    child.kill('SIGKILL');
    await exitOf(child);
  });
  let stdout = '';
  let asked = false;
  child.stdout.setEncoding('utf8').on('data', (piece: string) => {
    stdout += piece;
    if (asked || !stdout.includes(question)) return;
    asked = true;
    child.stdin.write(keys);
  });
  const stderr = await text(child.stderr);
  await exitOf(child);
  return { code: child.exitCode, stdout: stdout.replaceAll('\r\n', '\n'), stderr };
}

/** A folder with a `millrace.yaml` whose gateway listens on free ports. */
export function configuredFolder(more = ''): string {
  const folder = temporaryFolder();
  const connector = '{ name: mqtt, kind: mqtt-broker, listen: 127.0.0.1:0, topics: [{ match: "#" }] }';
  const yaml = `version: 1\nsite: plant\nhttp: { listen: 127.0.0.1:0 }\nconnectors: [${connector}]\n${more}`;
  writeFileSync(path.join(folder, 'millrace.yaml'), yaml);
  return folder;
}

/** Holds the data of a configured folder as a running gateway does, until the test ends: locked, and answering out of memory. */
export async function servedFrom(services: MemoryServices, folder: string): Promise<ApiServer> {
  const lock = await DataLock.take(path.join(folder, 'data'));
  const api = serverOf(services);
  lock.serve(await api.handler());
  onTestFinished(async () => {
    await api.close();
    await lock.release();
  });
  return api;
}

/** Processes that a process has started and that run (Linux). */
export function childrenOf(pid: number): number[] {
  const tasks = readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').trim();
  return tasks === '' ? [] : tasks.split(' ').map(Number);
}

/** Time of the first record of a test, ms. */
export const FIRST_MS = 1_584_440_073_123;

/** A sample for the log. */
export function doubleSample(timeUs: number, value: number): Sample {
  return { timeUs, kind: ValueKind.double, value, quality: 0, flags: 0, serverTimeUs: null };
}

/** A record for the log: a sample, or bytes. */
export interface TestRecord {
  readonly key: string | null;
  readonly value: Sample | Uint8Array | null;
  readonly headers?: readonly RecordHeader[];
}

/** Writes a real log into `data/`: each list of records is a batch of its topic. `segmentBytes` small: several segments. */
export async function writeLog(
  dataFolder: string,
  batches: readonly (readonly [topic: string, records: readonly TestRecord[]])[],
  segmentBytes?: number,
): Promise<void> {
  const more = segmentBytes === undefined ? {} : { segmentBytes };
  const log = new Log({ dataFolder, budgetBytes: 2 ** 30, nowMs: FIRST_MS, ...more });
  await log.open((fault) => {
    throw fault;
  });
  const producer = log.producer();
  const encoder = new BatchEncoder();
  for (const [i, [topic, records]] of batches.entries()) {
    for (const { key, value, headers = [] } of records) {
      const keyBytes = key === null ? null : new TextEncoder().encode(key);
      if (value === null || value instanceof Uint8Array) encoder.addRecord(keyBytes, value, headers);
      else encoder.addSample(new SampleKey(keyBytes ?? new Uint8Array(0)), value, headers);
    }
    await producer.append(topic, encoder.finish(FIRST_MS + i), records.length);
  }
  producer.close();
  await log.close();
}
