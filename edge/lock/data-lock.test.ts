import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readdirSync, rmSync, statSync, utimesSync, writeFileSync } from 'node:fs';
import { connect, createServer } from 'node:net';
import os from 'node:os';
import path from 'node:path';
import { createInterface } from 'node:readline';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { Fault } from '../core/fault.ts';
import { DataLock, SOCKET_NAME } from './data-lock.ts';
import { gatewayAt } from './gateway-client.ts';

let folder: string;
const children: ChildProcess[] = [];

beforeEach(() => {
  folder = mkdtempSync(path.join(os.tmpdir(), 'millrace-lock-'));
});

afterEach(async () => {
  for (const child of children.splice(0)) {
    child.kill('SIGKILL');
    await ended(child);
  }
  rmSync(folder, { recursive: true });
});

/** A process that takes the folder, says `owner` or the fault, and keeps it until a line comes in. */
const contender = `
  import { DataLock } from ${JSON.stringify(path.join(import.meta.dirname, 'data-lock.ts'))};
  try {
    const lock = await DataLock.take(process.argv[1]);
    console.log('owner');
    process.stdin.once('data', async () => { await lock.release(); process.stdin.destroy(); });
  } catch (error) {
    console.log(error.code + ' ' + error.detail);
  }
`;

interface Contender {
  readonly child: ChildProcess;
  readonly pid: number;
  readonly said: Promise<string>;
}

function contend(): Contender {
  const args = ['--input-type=module-typescript', '-e', contender, folder];
  const child = spawn(process.execPath, args, { stdio: ['pipe', 'pipe', 'inherit'] });
  children.push(child);
  const lines = createInterface({ input: child.stdout });
  const said = once(lines, 'line').then(([line]) => String(line));
  return { child, pid: child.pid ?? 0, said };
}

async function ended(child: ChildProcess): Promise<void> {
  if (child.exitCode === null && child.signalCode === null) await once(child, 'exit');
}

describe('one owner', () => {
  test('the second one fails at once and names the process that has the folder', async () => {
    const lock = await DataLock.take(folder);
    const before = performance.now();
    await expect(DataLock.take(folder)).rejects.toMatchObject({
      code: 'gateway-running',
      detail: `Process ${process.pid} has ${folder}.`,
    });
    expect(performance.now() - before).toBeLessThan(1000);
    await lock.release();
  });

  test('after a release the folder is free, and nothing is left in it', async () => {
    const lock = await DataLock.take(folder);
    await lock.release();
    expect(readdirSync(folder)).toEqual([]);
    await (await DataLock.take(folder)).release();
  });

  test('nobody but its user can open the socket', async () => {
    const lock = await DataLock.take(folder);
    const { mode } = statSync(path.join(folder, SOCKET_NAME));
    expect((mode & 0o777).toString(8)).toBe('600');
    await lock.release();
  });

  test('a folder that is missing is made; one that cannot be made is a fault', async () => {
    const below = path.join(folder, 'a', 'b');
    await (await DataLock.take(below)).release();
    writeFileSync(path.join(folder, 'file'), '');
    await expect(DataLock.take(path.join(folder, 'file', 'x'))).rejects.toMatchObject({ code: 'file-unwritable' });
  });

  test('of eight processes that start together exactly one gets the folder', async () => {
    for (let round = 0; round < 3; round++) {
      const racers = Array.from({ length: 8 }, contend);
      const said = await Promise.all(racers.map((racer) => racer.said));
      const owners = racers.filter((_, i) => said[i] === 'owner');
      expect(owners).toHaveLength(1);
      for (const line of said) expect(line).toMatch(/^(owner$|gateway-running Process \d+ has )/);
      // The next round begins beside what a killed owner leaves.
      owners[0]?.child.kill('SIGKILL');
      await Promise.all(racers.map(({ child }) => ended(child)));
    }
  });

  test('of many that want it at the same moment exactly one gets it, each time', async () => {
    for (let round = 0; round < 100; round++) {
      const results = await Promise.allSettled(Array.from({ length: 8 }, () => DataLock.take(folder)));
      const owners = results.filter((result) => result.status === 'fulfilled');
      const faults = results
        .filter((result) => result.status === 'rejected')
        .map(({ reason }) => (reason as Fault).code);
      expect({ owners: owners.length, faults }).toEqual({ owners: 1, faults: Array(7).fill('gateway-running') });
      await owners[0]?.value.release();
    }
    expect(readdirSync(folder)).toEqual([]);
  });

  test('what a process left that died before it listened is removed after a while', async () => {
    const abandoned = path.join(folder, 'gateway.sock.1-0123456789abcdef.new');
    const young = path.join(folder, 'gateway.sock.2-0123456789abcdef.new');
    for (const file of [abandoned, young]) writeFileSync(file, '');
    utimesSync(abandoned, 0, 0);
    const lock = await DataLock.take(folder);
    expect(readdirSync(folder).filter((name) => name.endsWith('.new'))).toEqual([path.basename(young)]);
    await lock.release();
  });

  test('the loser of a race names the winner', async () => {
    const racers = [contend(), contend()];
    const said = await Promise.all(racers.map((racer) => racer.said));
    const winner = racers[said.indexOf('owner')];
    expect(said.toSorted()[0]).toBe(`gateway-running Process ${winner?.pid} has ${folder}.`);
  });
});

describe('after kill -9', () => {
  test('the folder is taken over at once, and what the dead process left is removed', async () => {
    const dead = contend();
    expect(await dead.said).toBe('owner');
    dead.child.kill('SIGKILL');
    await once(dead.child, 'exit');
    expect(readdirSync(folder)).toHaveLength(2);
    const lock = await DataLock.take(folder);
    expect(readdirSync(folder).filter((name) => name.includes(`.${dead.pid}-`))).toEqual([]);
    await lock.release();
  });

  test('a process that is stopped still has its folder', async () => {
    const stopped = contend();
    expect(await stopped.said).toBe('owner');
    stopped.child.kill('SIGSTOP');
    await expect(DataLock.take(folder)).rejects.toMatchObject({ code: 'gateway-running' });
    stopped.child.kill('SIGCONT');
  });

  test('of many that find a dead owner exactly one takes over, again and again', async () => {
    for (let round = 0; round < 3; round++) {
      const dead = contend();
      expect(await dead.said).toBe('owner');
      dead.child.kill('SIGKILL');
      await once(dead.child, 'exit');
      const said = await Promise.allSettled(Array.from({ length: 12 }, () => DataLock.take(folder)));
      const owners = said.filter((result) => result.status === 'fulfilled');
      expect(owners).toHaveLength(1);
      await owners[0]?.value.release();
    }
  });

  test('a socket of another program under the same name is replaced, not mistaken for a gateway', async () => {
    const other = createServer();
    other.listen(path.join(folder, SOCKET_NAME));
    await once(other, 'listening');
    const lock = await DataLock.take(folder);
    lock.serve((_request, response) => response.end('"ours"'));
    const client = await gatewayAt(folder);
    expect(await client?.json('/')).toBe('ours');
    client?.close();
    await lock.release();
    other.close();
  });
});

test.runIf(process.platform === 'linux')('a folder whose path is too long for a socket works the same', async () => {
  const long = path.join(folder, 'a'.repeat(100), 'b'.repeat(100));
  const lock = await DataLock.take(long);
  await expect(DataLock.take(long)).rejects.toMatchObject({ code: 'gateway-running' });
  lock.serve((_request, response) => response.end('{"long":true}'));
  const client = await gatewayAt(long);
  expect(await client?.json('/')).toEqual({ long: true });
  client?.close();
  await lock.release();
  expect(readdirSync(long)).toEqual([]);
  expect(await gatewayAt(long)).toBeUndefined();
});

test('a client that connects before the gateway serves is told so', async () => {
  const lock = await DataLock.take(folder);
  const client = await gatewayAt(folder);
  await expect(client?.json('/healthz')).rejects.toMatchObject({ code: 'not-ready' });
  client?.close();
  await lock.release();
});

test('a release does not wait for clients that stay connected', async () => {
  const lock = await DataLock.take(folder);
  const socket = connect(path.join(folder, SOCKET_NAME));
  socket.on('error', () => undefined);
  await once(socket, 'connect');
  const closed = once(socket, 'close');
  await lock.release();
  await closed;
  expect(readdirSync(folder)).toEqual([]);
});
