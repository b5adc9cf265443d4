import { spawn } from 'node:child_process';

export interface RunOptions {
  readonly cwd: string;
  /** It is killed after this, ms. */
  readonly limitMs: number;
  /** Added to the environment. */
  readonly env?: Readonly<Record<string, string>>;
  /** What to do when the program itself is not there. */
  readonly missing: string;
}

/** Characters of output that an error message may end with. */
const saidLength = 3000;

/** A program could not be started, ended with another exit code than 0 or took too long. The message ends with what it printed last. */
export class RunError extends Error {}

/** Runs a program to its end. @throws RunError */
export function run(file: string, args: readonly string[], options: RunOptions): Promise<void> {
  const { cwd, limitMs, env, missing } = options;
  return new Promise((resolve, reject) => {
    const child = spawn(file, args, { cwd, env: { ...process.env, ...env }, stdio: ['ignore', 'pipe', 'pipe'] });
    let said = '';
    const hear = (text: Buffer): void => {
      said = (said + text.toString()).slice(-saidLength);
    };
    child.stdout.on('data', hear);
    child.stderr.on('data', hear);
    let late = false;
    const timer = setTimeout(() => {
      late = true;
      child.kill('SIGKILL');
    }, limitMs);
    child.once('error', (error) => {
      clearTimeout(timer);
      const absent = 'code' in error && error.code === 'ENOENT';
      reject(new RunError(absent ? `${file} is not installed: ${missing}` : `${file}: ${error.message}`));
    });
    child.once('exit', (code, signal) => {
      clearTimeout(timer);
      // A grandchild may hold the pipes open: what it would still say is not waited for.
      child.stdout.destroy();
      child.stderr.destroy();
      if (code === 0) return resolve();
      const why = late ? `not done after ${limitMs / 1000} s` : `ended with ${signal ?? `exit code ${code}`}`;
      reject(new RunError(`${file} ${args.slice(0, 2).join(' ')}: ${why}\n${said.trimEnd()}`));
    });
  });
}
