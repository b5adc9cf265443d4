import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, openSync } from 'node:fs';
import { findProgram } from '../services/run.ts';
import { waitFor } from '../services/wait.ts';

/** One process of a gateway. */
export interface GatewayProcess {
  readonly pid: number;
  /** On the clock of `performance.now()`. */
  readonly startedMs: number;
  /** Exit code or signal; undefined while it runs. */
  ended(): number | string | undefined;
  /** SIGKILL; resolves when the system has taken the process away. */
  kill9(): Promise<void>;
  /** SIGTERM; resolves with exit code or signal. After the limit (ms) SIGKILL and an error. */
  terminate(limitMs: number): Promise<number | string>;
}

/** Starts a process that ends with this one, also when this one is killed. What it prints goes behind what the file holds. */
export function spawnGateway(file: string, args: readonly string[], cwd: string, outputFile: string): GatewayProcess {
  const output = openSync(outputFile, 'a');
  const setpriv = process.platform === 'linux' ? findProgram('setpriv') : undefined;
  const program = setpriv ?? file;
  const rest = setpriv === undefined ? args : ['--pdeathsig', 'KILL', file, ...args];
  const startedMs = performance.now();
  const child = spawn(program, rest, { cwd, stdio: ['ignore', output, output] });
  closeSync(output);
  const kill = (): boolean => child.kill('SIGKILL');
  process.once('exit', kill);
  let failure: Error | undefined;
  child.once('error', (error) => (failure = error));
  const exited = once(child, 'exit').finally(() => process.off('exit', kill));
  // A process that could not be started never exits; `ended` tells.
  exited.catch((error: unknown) => (failure = error instanceof Error ? error : new Error(String(error))));
  const ended = (): number | string | undefined => child.exitCode ?? child.signalCode ?? failure?.message;
  return {
    get pid() {
      if (child.pid === undefined) throw new Error(`${program} could not be started`, { cause: failure });
      return child.pid;
    },
    startedMs,
    ended,
    async kill9() {
      kill();
      await exited;
    },
    async terminate(limitMs) {
      child.kill('SIGTERM');
      try {
        await waitFor('the gateway ends after SIGTERM', () => ended() !== undefined, limitMs);
      } catch (error) {
        kill();
        throw error;
      }
      return ended() ?? 'nothing';
    },
  };
}
