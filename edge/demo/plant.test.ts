import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, expect, onTestFinished, test } from 'vitest';
import { freePort } from '../../test/services/wait.ts';
import { DemoPlant, type PlantOptions } from './plant.ts';

const LIMIT = { timeout: 30_000, interval: 20 };
const ADDRESSES = '{"opcua":"opc.tcp://h:1","modbus":"h:2","control":"http://127.0.0.1:9"}';

const plants: DemoPlant[] = [];
const ended: string[] = [];

afterEach(async () => {
  for (const plant of plants.splice(0)) await plant.stop();
  ended.length = 0;
});

function plantOf(members: Partial<PlantOptions>): DemoPlant {
  const options = { seed: 1, pastMs: 0, mqtt: '127.0.0.1:9', onEnded: (why: string) => ended.push(why) };
  const plant = new DemoPlant('demo', { ...options, ...members });
  plants.push(plant);
  return plant;
}

/** A program in the plant's place that writes its process id down, and then does what it is told; `pid` reads the id. */
function program(text: string): { main: string; pid: () => number } {
  const folder = mkdtempSync(path.join(tmpdir(), 'millrace-plant-'));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  const main = path.join(folder, 'main.mjs');
  const note = path.join(folder, 'pid');
  writeFileSync(
    main,
    `import fs from 'node:fs';\nfs.writeFileSync(${JSON.stringify(note)}, String(process.pid));\n${text}`,
  );
  return { main, pid: () => (existsSync(note) ? Number(readFileSync(note, 'utf8')) : 0) };
}

function isRunning(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
}

test('the plant: where it listens, its faults by absolute paths, on and off, and its end', async () => {
  const plant = plantOf({ mqtt: `127.0.0.1:${await freePort()}` });
  const { opcua, modbus } = await plant.start();
  expect([opcua, modbus]).toEqual([
    expect.stringMatching(/^opc\.tcp:\/\/.+:\d+/),
    expect.stringMatching(/^127\.0\.0\.1:\d+$/),
  ]);
  const faults = await plant.faults();
  expect(faults.map(({ name }) => name).toSorted()).toEqual(['cavitation', 'drifting-sensor', 'valve-partly-closed']);
  for (const { asset, signals, active, sinceUs } of faults) {
    expect([asset, active, sinceUs]).toEqual(['demo/water/loop1', false, null]);
    expect(signals.every((signal) => signal.startsWith('demo/water/loop1/'))).toBe(true);
  }
  await plant.setFault('cavitation', true);
  await expect
    .poll(async () => (await plant.faults()).filter(({ active }) => active).map(({ name }) => name), LIMIT)
    .toEqual(['cavitation']);
  await plant.setFault('cavitation', false);
  await expect(plant.setFault('../nothing', true)).rejects.toMatchObject({ code: 'not-found' });
  await plant.stop();
  expect(ended).toEqual([]);
  await expect(plant.faults()).rejects.toMatchObject({ code: 'demo-plant-failed' });
});

test('one that ends at once says why', async () => {
  const { main } = program("console.error('no port is free'); process.exit(3);");
  const plant = plantOf({ main });
  await expect(plant.start()).rejects.toMatchObject({
    code: 'demo-plant-failed',
    detail: expect.stringMatching(/^exit code 3: no port is free/) as unknown,
  });
  // Whoever starts it was told already.
  expect(ended).toEqual([]);
});

test('one that says something else than its addresses is no plant', async () => {
  const { main, pid } = program("console.log('hello'); setInterval(() => {}, 1000);");
  const plant = plantOf({ main });
  await expect(plant.start()).rejects.toMatchObject({ code: 'demo-plant-failed', detail: 'It said "hello".' });
  await plant.stop();
  expect(isRunning(pid())).toBe(false);
});

test('one that never listens is given up, by time or by the signal, and leaves no process behind', async () => {
  const silent = program('setInterval(() => {}, 1000);');
  const late = plantOf({ main: silent.main, startLimitMs: 1500 });
  await expect(late.start()).rejects.toMatchObject({
    code: 'demo-plant-failed',
    detail: 'It did not listen after 1.5 s.',
  });
  expect(isRunning(silent.pid())).toBe(true);
  await late.stop();
  expect(isRunning(silent.pid())).toBe(false);

  const other = program('setInterval(() => {}, 1000);');
  const plant = plantOf({ main: other.main });
  const giveUp = new AbortController();
  const starting = plant.start(giveUp.signal);
  starting.catch(() => undefined);
  await expect.poll(() => other.pid(), LIMIT).toBeGreaterThan(0);
  giveUp.abort();
  await expect(starting).rejects.toMatchObject({ detail: 'It was told to end.' });
  await plant.stop();
  expect(isRunning(other.pid())).toBe(false);
});

test('one that is killed later is told, once', async () => {
  const { main, pid } = program(`console.log('${ADDRESSES}'); setInterval(() => {}, 1000);`);
  const plant = plantOf({ main });
  await plant.start();
  process.kill(pid(), 'SIGKILL');
  await expect.poll(() => ended, LIMIT).toEqual(['SIGKILL']);
  await plant.stop();
  expect(ended).toEqual(['SIGKILL']);
});

test('one that does not listen to SIGTERM is killed', async () => {
  const { main, pid } = program(
    `process.on('SIGTERM', () => {}); console.log('${ADDRESSES}'); setInterval(() => {}, 1000);`,
  );
  const plant = plantOf({ main });
  await plant.start();
  await plant.stop();
  expect(isRunning(pid())).toBe(false);
  expect(ended).toEqual([]);
});
