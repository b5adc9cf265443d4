import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import net from 'node:net';
import os from 'node:os';
import path from 'node:path';

/** A system that takes MQTT in. */
export interface Target {
  readonly system: string;
  readonly port: number;
  /** Processes whose CPU time and memory count. */
  readonly pids: readonly number[];
  /** Resolves when this many messages since its start can be read back. */
  readonly queryable: (messages: number, signal: AbortSignal) => Promise<void>;
  readonly stop: () => Promise<void>;
}

/** What a target has started: ended and removed together, the last first, also where it could not be started whole. */
export class Belongings implements AsyncDisposable {
  private readonly tasks: (() => Promise<unknown>)[] = [];

  /** A folder that is removed at the end. */
  async folder(parent: string = os.tmpdir()): Promise<string> {
    const folder = await mkdtemp(path.join(parent, 'millrace-bench-'));
    this.tasks.push(() => rm(folder, { recursive: true, force: true }));
    return folder;
  }

  /** A process, told to end by SIGTERM. */
  process<Child extends ChildProcess>(child: Child): Child {
    this.tasks.push(async () => {
      child.kill('SIGTERM');
      if (child.exitCode === null && child.signalCode === null) await once(child, 'exit');
    });
    return child;
  }

  /** Anything else that is to be closed. */
  closing(close: () => Promise<unknown>): void {
    this.tasks.push(close);
  }

  async end(): Promise<void> {
    for (const task of this.tasks.splice(0).toReversed()) await task();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.end();
  }
}

/** Starts a target; where that fails, ends what was started by then. */
export async function begin<T>(start: (belongings: Belongings) => Promise<T>): Promise<T> {
  const belongings = new Belongings();
  try {
    return await start(belongings);
  } catch (error) {
    await belongings.end();
    throw error;
  }
}

/** A port that nobody listens on now. */
export async function freePort(): Promise<number> {
  const server = net.createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  server.close();
  await once(server, 'close');
  return typeof address === 'object' && address !== null ? address.port : 0;
}
