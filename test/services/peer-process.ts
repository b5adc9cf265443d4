import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, openSync, readFileSync } from 'node:fs';
import { tail, findProgram } from './run.ts';
import { GiveUp, waitFor } from './wait.ts';

export interface PeerCommand {
  /** For messages. */
  readonly name: string;
  readonly file: string;
  readonly args: readonly string[];
  /** Takes what the process prints, behind what an earlier one printed; its end goes into the error when the peer does not come up. */
  readonly outputFile: string;
  /** Whether the peer serves; asked until it does. */
  readonly ready: () => Promise<boolean>;
  /** How long it may take to serve (ms). */
  readonly readyLimitMs: number;
}

/** A process that serves tests. */
export interface PeerProcess {
  readonly pid: number;
  running(): boolean;
  /** SIGTERM; after the limit (ms) SIGKILL and an error. Does nothing when it has ended already. */
  stop(limitMs?: number): Promise<void>;
  /** SIGKILL, and waits until the system has taken the process away. Does nothing when it has ended already. */
  kill9(): Promise<void>;
}

/** Starts the process and waits until it serves. When it does not, it is killed and the error ends with what it printed last. */
export async function startPeer(command: PeerCommand): Promise<PeerProcess> {
  const child = spawnMortal(command);
  let failed: Error | undefined;
  child.once('error', (error) => (failed = error));
  const ended = (): boolean => child.exitCode !== null || child.signalCode !== null || failed !== undefined;
  const alive = async (): Promise<boolean> => {
    if (ended()) throw new GiveUp(`ended with ${String(child.exitCode ?? child.signalCode)}`, { cause: failed });
    return await command.ready();
  };
  try {
    await waitFor(`${command.name} serves`, alive, command.readyLimitMs);
  } catch (error) {
    child.kill('SIGKILL');
    const printed = tail(readFileSync(command.outputFile, 'utf8'));
    throw new Error(`${command.name} did not come up; it printed last:\n${printed}`, { cause: error });
  }
  return peerOf(command.name, child, ended);
}

function peerOf(name: string, child: ChildProcess, ended: () => boolean): PeerProcess {
  const { pid } = child;
  if (pid === undefined) throw new Error(`${name} serves without a process id`);
  const exited = ended() ? Promise.resolve() : once(child, 'exit');
  const kill9 = async (): Promise<void> => {
    if (ended()) return;
    process.kill(pid, 'SIGKILL');
    await exited;
  };
  const stop = async (limitMs = 60_000): Promise<void> => {
    if (ended()) return;
    process.kill(pid, 'SIGTERM');
    try {
      await waitFor(`${name} ends after SIGTERM`, ended, limitMs);
    } catch (error) {
      await kill9();
      throw error;
    }
  };
  return { pid, running: () => !ended(), stop, kill9 };
}

/** A child that ends with this process, also when this one is killed: a forgotten broker would take the memory of the next test. */
function spawnMortal(command: PeerCommand): ChildProcess {
  const output = openSync(command.outputFile, 'a');
  try {
    const setpriv = process.platform === 'linux' ? findProgram('setpriv') : undefined;
    const full = [command.file, ...command.args];
    const [file = command.file, ...args] = setpriv === undefined ? full : [setpriv, '--pdeathsig', 'KILL', ...full];
    const child = spawn(file, args, { stdio: ['ignore', output, output] });
    const kill = (): boolean => child.kill('SIGKILL');
    process.once('exit', kill);
    child.once('exit', () => process.off('exit', kill));
    return child;
  } finally {
    closeSync(output);
  }
}
