import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { Fault } from '../core/fault.ts';

/** Runs a script in a process of its own, so that what others have left in memory does not count, and returns what it printed as JSON. Aborted: it is killed. */
export async function runAlone(script: URL, args: readonly string[], signal: AbortSignal): Promise<unknown> {
  signal.throwIfAborted();
  const child = spawn(process.execPath, [fileURLToPath(script), ...args], {
    stdio: ['ignore', 'pipe', 'inherit'],
    // Ctrl-C on a terminal reaches all processes of its group: this one is ended by us.
    detached: true,
  });
  const end = (): void => void child.kill('SIGKILL');
  signal.addEventListener('abort', end);
  try {
    let output = '';
    child.stdout.on('data', (data: Buffer) => (output += data.toString()));
    const [code] = (await once(child, 'close')) as [number | null];
    signal.throwIfAborted();
    if (code !== 0) throw new Fault('internal', `${fileURLToPath(script)} ended with exit code ${code}.`);
    return JSON.parse(output);
  } finally {
    signal.removeEventListener('abort', end);
  }
}
