import { fork, spawn } from 'node:child_process';
import { once } from 'node:events';
import { request } from 'node:http';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import modbusLibrary from 'modbus-serial';
import { describe, expect, test } from 'vitest';
import { waitFor } from '../test/services/wait.ts';

interface Addresses {
  readonly mqtt: string;
  readonly opcua: string;
  readonly modbus: string;
  readonly control: string;
}

interface PlantProcess extends AsyncDisposable {
  readonly addresses: Addresses;
  /** Ends it as a supervisor would; answers its exit code. */
  end(): Promise<unknown>;
}

async function startPlant(...args: string[]): Promise<PlantProcess> {
  const child = spawn(process.execPath, [join(import.meta.dirname, 'main.ts'), '--mqtt', '127.0.0.1:9', ...args], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const end = async (): Promise<unknown> => {
    if (child.exitCode === null) {
      child.kill('SIGTERM');
      await once(child, 'exit');
    }
    return child.exitCode;
  };
  const lines = createInterface({ input: child.stdout });
  const [line] = (await once(lines, 'line')) as [string];
  const dispose = async (): Promise<void> => void (await end());
  return { addresses: JSON.parse(line) as Addresses, end, [Symbol.asyncDispose]: dispose };
}

interface State {
  readonly simulatedTime: string;
  readonly caughtUp: boolean;
  readonly seed: number;
}

interface FaultItem {
  readonly name: string;
  readonly asset: string;
  readonly signals: string[];
  readonly active: boolean;
  readonly since: string | null;
}

async function ask<T>(url: string, method = 'GET'): Promise<T> {
  const answer = await fetch(url, { method });
  expect({ method, url, status: answer.status }).toEqual({ method, url, status: 200 });
  return (await answer.json()) as T;
}

async function faults(control: string): Promise<readonly FaultItem[]> {
  return (await ask<{ items: FaultItem[] }>(`${control}/faults`)).items;
}

describe('the plant as a process', () => {
  test('says where it listens, catches up, and only then answers on Modbus', async () => {
    await using plant = await startPlant('--past', '3m', '--speed', '60', '--seed', '5');
    const { control, modbus } = plant.addresses;
    expect(plant.addresses.opcua).toMatch(/^opc\.tcp:\/\/127\.0\.0\.1:\d+$/);
    const early = await ask<State>(`${control}/state`);
    expect(early).toMatchObject({ caughtUp: false, seed: 5 });
    expect(Date.now() - Date.parse(early.simulatedTime)).toBeGreaterThan(30_000);
    await waitFor('it has caught up', async () => (await ask<State>(`${control}/state`)).caughtUp);
    const { simulatedTime } = await ask<State>(`${control}/state`);
    expect(Math.abs(Date.now() - Date.parse(simulatedTime))).toBeLessThan(5000);
    const client = new modbusLibrary.default();
    const [host = '', port = ''] = modbus.split(':');
    await client.connectTCP(host, { port: Number(port) });
    client.setID(2);
    await waitFor('the meters answer', async () =>
      (await client.readInputRegisters(0, 3)).data.every((volts) => volts > 2000),
    );
    await new Promise<void>((resolve) => client.close(() => resolve()));
    expect(await plant.end()).toBe(0);
  });

  test('faults are begun and ended, protocols stopped and started, through the control port', async () => {
    await using plant = await startPlant('--past', '0s');
    const { control } = plant.addresses;
    await waitFor('it has caught up', async () => (await ask<State>(`${control}/state`)).caughtUp);
    const before = await faults(control);
    expect(before.map(({ name }) => name)).toEqual(['valve-partly-closed', 'cavitation', 'drifting-sensor']);
    expect(before.map(({ active, since }) => ({ active, since }))).toEqual(
      before.map(() => ({ active: false, since: null })),
    );
    expect(before[2]?.signals).toEqual(['water/loop1/discharge-pressure']);
    const begun = await ask<FaultItem>(`${control}/faults/cavitation`, 'POST');
    expect(begun).toMatchObject({ name: 'cavitation', asset: 'water/loop1', active: true });
    expect(Math.abs(Date.now() - Date.parse(begun.since ?? ''))).toBeLessThan(5000);
    const again = await ask<FaultItem>(`${control}/faults/cavitation`, 'POST');
    expect(again.since).toBe(begun.since);
    expect(await ask(`${control}/faults/cavitation`, 'DELETE')).toMatchObject({ active: false, since: null });
    for (const name of ['mqtt', 'opcua', 'modbus']) {
      expect(await ask(`${control}/protocols/${name}/stop`, 'POST')).toEqual({ name, running: false });
      expect(await ask(`${control}/protocols/${name}/start`, 'POST')).toEqual({ name, running: true });
    }
  });

  test('the control port refuses what it does not know, and web pages', async () => {
    await using plant = await startPlant('--past', '0s');
    const { control } = plant.addresses;
    const status = async (path: string, init: RequestInit = {}): Promise<number> =>
      (await fetch(`${control}${path}`, init)).status;
    expect(await status('/')).toBe(404);
    expect(await status('/faults/rust', { method: 'POST' })).toBe(404);
    expect(await status('/faults/cavitation', { method: 'PUT' })).toBe(405);
    expect(await status('/protocols/profibus/stop', { method: 'POST' })).toBe(404);
    expect(await status('/state', { headers: { origin: 'http://evil.example' } })).toBe(403);
    expect(await statusWithHost(control, 'evil.example')).toBe(403);
  });

  test('ends by itself when the process that holds its channel is gone', async () => {
    const child = fork(join(import.meta.dirname, 'main.ts'), ['--mqtt', '127.0.0.1:9', '--past', '0s'], {
      silent: true,
    });
    if (child.stdout === null) throw new Error('the child has no output');
    await once(createInterface({ input: child.stdout }), 'line');
    child.disconnect();
    const [code] = (await once(child, 'exit')) as [number];
    expect(code).toBe(0);
  });

  test('ends on SIGTERM although the process that started it holds its channel open', async () => {
    const child = fork(join(import.meta.dirname, 'main.ts'), ['--mqtt', '127.0.0.1:9', '--past', '0s'], {
      silent: true,
    });
    try {
      if (child.stdout === null) throw new Error('the child has no output');
      await once(createInterface({ input: child.stdout }), 'line');
      child.kill('SIGTERM');
      const [code] = (await once(child, 'exit', { signal: AbortSignal.timeout(10_000) })) as [number];
      expect(code).toBe(0);
    } finally {
      child.kill('SIGKILL');
    }
  });

  test('a wrong command line ends it with what is wrong', async () => {
    const child = spawn(process.execPath, [join(import.meta.dirname, 'main.ts'), '--past', 'yesterday']);
    const said: string[] = [];
    child.stderr.on('data', (chunk: Buffer) => said.push(chunk.toString()));
    const [code] = (await once(child, 'close')) as [number];
    expect(code).toBe(1);
    expect(said.join('')).toContain("--past wants a time such as 90s, 60m or 2h, at most 720h, not 'yesterday'");
  });
});

/** fetch does not let a caller choose the Host header. */
async function statusWithHost(control: string, host: string): Promise<number | undefined> {
  const asked = request(`${control}/state`, { headers: { host } });
  asked.end();
  const [answer] = (await once(asked, 'response')) as [{ statusCode?: number; resume: () => void }];
  answer.resume();
  return answer.statusCode;
}
