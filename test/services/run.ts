import { execFile } from 'node:child_process';
import { accessSync, constants, statSync } from 'node:fs';
import { delimiter, join } from 'node:path';

/** What a program printed, and how it ended. */
export interface Output {
  readonly code: number;
  readonly stdout: Buffer;
  readonly stderr: string;
}

export interface RunOptions {
  /** Given on standard input, which is empty otherwise. */
  readonly input?: string | Uint8Array;
  /** Working folder. */
  readonly cwd?: string;
  /** Added to the environment. */
  readonly env?: Readonly<Record<string, string>>;
  /** The program is killed after this long (ms); a minute unless told. */
  readonly limitMs?: number;
  /** Whether another exit code than 0 is an answer like any other. */
  readonly anyCode?: boolean;
}

/** No output of a test's program is larger than this (bytes); a larger one is an error. */
const maxOutputBytes = 1 << 30;

/** Runs a program to its end. Rejects, with the end of what it printed, when it cannot be started, is killed, takes too long or exits with another code than 0. */
export function run(file: string, args: readonly string[], options: RunOptions = {}): Promise<Output> {
  const limitMs = options.limitMs ?? 60_000;
  return new Promise((resolve, reject) => {
    const child = execFile(
      file,
      args,
      {
        encoding: 'buffer',
        maxBuffer: maxOutputBytes,
        timeout: limitMs,
        killSignal: 'SIGKILL',
        cwd: options.cwd,
        env: { ...process.env, ...options.env },
      },
      (error, stdout, stderr) => {
        const text = stderr.toString('utf8');
        const code = error === null ? 0 : error.code;
        if (code === 0 || (options.anyCode === true && typeof code === 'number')) {
          return resolve({ code, stdout, stderr: text });
        }
        const why =
          child.signalCode === null ? `exit code ${String(code)}` : `${child.signalCode} (limit ${limitMs} ms)`;
        reject(
          new Error(`${file} ${args.join(' ')}: ${why}\n${tail(stdout.subarray(-10_000).toString('utf8') + text)}`),
        );
      },
    );
    // A program that ends before it has read everything closes the pipe; its exit code tells what that means.
    child.stdin?.on('error', () => undefined);
    child.stdin?.end(options.input ?? '');
  });
}

/** The last lines of a text, for an error message. */
export function tail(text: string, lines = 30): string {
  return text.trimEnd().split('\n').slice(-lines).join('\n');
}

/** The path of a program on the PATH or in a folder for system programs, which users often do not have on theirs. */
export function findProgram(name: string): string | undefined {
  const folders = (process.env['PATH'] ?? '')
    .split(delimiter)
    .concat('/usr/sbin', '/usr/local/sbin', '/opt/homebrew/sbin');
  return folders.map((folder) => join(folder, name)).find(isProgram);
}

/** The path of a program that must be there. */
export function program(name: string): string {
  const path = findProgram(name);
  if (path === undefined) throw new Error(`${name} is not installed: npm run services:setup`);
  return path;
}

function isProgram(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return statSync(path).isFile();
  } catch {
    return false;
  }
}
