import { rmSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, test } from 'vitest';
import { type DumpedLine, dumpFrom } from '../end-to-end/topic-dump.ts';
import { startGatewayIn, type Gateway } from '../end-to-end/gateway.ts';
import { giveAge } from './aged-log.ts';
import { FaultyCalls, requireFaultyCalls } from './faulty-calls.ts';
import { gatewayFolder } from './gateway-folder.ts';
import { segmentFiles } from './log-kit.ts';
import { requireDisks, SmallDisk } from './small-disk.ts';
import { SteadyDevice } from './steady-device.ts';

const disks = requireDisks();
const faultyCalls = requireFaultyCalls();

/** What `/readyz` says of the log: null while it is ready. */
async function logProblem(gateway: Gateway): Promise<string | null> {
  const answer = await fetch(`${gateway.http}/readyz`);
  const { parts } = (await answer.json()) as { parts: { name: string; ready: boolean; detail: string | null }[] };
  const log = parts.find(({ name }) => name === 'log');
  return log === undefined || log.ready ? null : (log.detail ?? '');
}

/** Waits until the log is not ready. What the gateway says of it: on HTTP, and in `millrace status`, which must say the same. */
async function problemTold(gateway: Gateway): Promise<string> {
  await gateway.until('the log is not ready', async () => (await logProblem(gateway)) !== null, 20_000);
  const { stdout } = await gateway.cli('status');
  const status = stdout.toString('utf8');
  const problem = (await logProblem(gateway)) ?? '';
  if (!status.includes(`log is not ready: ${problem}`)) throw new Error(`status does not say so: ${status}`);
  return problem;
}

/** Messages that are acknowledged while the device sends for about a second more. */
async function acknowledgedNow(gateway: Gateway, device: SteadyDevice): Promise<number> {
  const { acknowledged } = device;
  const waiting = device.device.pending;
  await gateway.until('the device has sent more', () => device.device.pending > waiting + 200);
  return device.acknowledged - acknowledged;
}

/** All values, each once. */
const whole = { missing: [], twice: [] };

describe.skipIf(!disks.available)(`a disk of its own ${disks.reason}`, () => {
  test('that is full: nothing is acknowledged until there is space, then everything is; a full disk keeps nobody from stopping', async () => {
    await using disk = await new SmallDisk().open(64);
    await using gateway = await startGatewayIn(await gatewayFolder(disk.folder));
    await using device = new SteadyDevice(gateway.mqttPort).start();
    await device.acknowledgedMore(gateway);
    disk.fill(300_000);
    expect(await problemTold(gateway)).toMatch(/disk is full/i);
    expect(await acknowledgedNow(gateway, device)).toBe(0);
    disk.empty();
    await gateway.until('there is space again', async () => (await logProblem(gateway)) === null);
    await device.acknowledgedMore(gateway);

    disk.fill(0);
    expect(await problemTold(gateway)).toMatch(/disk is full/i);
    await gateway.stop();
    disk.empty();
    gateway.start();
    await gateway.ready();
    expect(await device.finish(gateway)).toEqual(whole);
    await gateway.cli('log', 'verify');
  });

  test('whose file system fails and becomes read-only under load: a fault that says so; all that was acknowledged is there after a repair', async () => {
    await using disk = await new SmallDisk().open(64);
    await using gateway = await startGatewayIn(await gatewayFolder(disk.folder));
    await using device = new SteadyDevice(gateway.mqttPort).start();
    await device.acknowledgedMore(gateway);
    await disk.abort(gateway.pid);
    expect(await problemTold(gateway)).toMatch(/disk-read-only: [^]*mount it for writing/);
    expect(await acknowledgedNow(gateway, device)).toBe(0);
    await gateway.kill9();
    await disk.repair();
    gateway.start();
    await gateway.ready();
    expect(await device.finish(gateway)).toEqual(whole);
    await gateway.cli('log', 'verify');
  });
});

describe.skipIf(!faultyCalls.available)(`system calls that fail ${faultyCalls.reason}`, () => {
  test.each([
    ['EIO on a write', 'write', 'EIO'],
    ['EIO on a sync', 'sync', 'EIO'],
    ['ENOSPC on a sync, which is no full disk that one could wait for', 'sync', 'ENOSPC'],
  ] as const)('%s: final, told, nothing acknowledged; a start afterwards has all that was', async (_, call, errno) => {
    const place = await gatewayFolder();
    using faults = await new FaultyCalls(place.folder).open();
    await using gateway = await startGatewayIn(place);
    await using device = new SteadyDevice(gateway.mqttPort).start();
    await device.acknowledgedMore(gateway);
    faults.set(call, '/samples-0/', errno);
    expect(await problemTold(gateway)).toMatch(new RegExp(`log-write-failed: [^]*${errno}`));
    // The disk has got better: nobody knows what it lost.
    faults.clear();
    expect(await acknowledgedNow(gateway, device)).toBe(0);
    await gateway.stop();
    gateway.start();
    await gateway.ready();
    expect(await device.finish(gateway)).toEqual(whole);
    await gateway.cli('log', 'verify');
  });
});

describe('somebody deletes', () => {
  test('the segment that is being written: told at the next sync, nothing more is acknowledged', async () => {
    await using gateway = await startGatewayIn(await gatewayFolder());
    await using device = new SteadyDevice(gateway.mqttPort).start();
    await device.acknowledgedMore(gateway);
    for (const file of segmentFiles(path.join(gateway.data, 'log'), 'samples', '.log')) rmSync(file);
    expect(await problemTold(gateway)).toMatch(/log-segment-missing: /);
    expect(await acknowledgedNow(gateway, device)).toBe(0);
    await gateway.stop();
  });

  test('an old segment under a running gateway: its records are a gap that readers and verify name, all others are read, new ones come in', async () => {
    const place = await gatewayFolder();
    await giveAge(path.join(place.folder, 'data'));
    await using gateway = await startGatewayIn(place);
    const logs = segmentFiles(path.join(gateway.data, 'log'), 'samples', '.log');
    const [start = 0, first = 0, next = 0] = logs.map((file) => Number(path.basename(file, '.log')));
    const gap = { first, last: next - 1, reason: 'damage' };
    let lines: DumpedLine[] = [];
    await gateway.until('its records are missed', async () => {
      // A repacking that has read it already puts it back.
      rmSync(logs[1] ?? '', { force: true });
      lines = await dumpFrom(gateway, 'samples', start);
      return lines.some((line) => 'gap' in line);
    });
    expect(lines).toContainEqual({ gap });
    const offsets = lines.flatMap(({ offset }: Partial<DumpedLine>) => offset ?? []);
    const expected = Array.from({ length: (offsets.at(-1) ?? 0) - start + 1 }, (_, i) => start + i);
    expect(offsets).toEqual(expected.filter((offset) => offset < gap.first || offset > gap.last));
    await using device = new SteadyDevice(gateway.mqttPort).start();
    await device.acknowledgedMore(gateway);
    await expect(gateway.cli('log', 'verify')).rejects.toThrow(`records ${gap.first} to ${gap.last} `);
  });

  test('a segment while the gateway is stopped: its records are a gap on record, and the offsets are not used again', async () => {
    await using gateway = await startGatewayIn(await gatewayFolder());
    await using device = new SteadyDevice(gateway.mqttPort).start();
    await device.acknowledgedMore(gateway);
    await device[Symbol.asyncDispose]();
    await gateway.stop();
    const { stdout } = await gateway.cli('log', 'topics', '--json');
    const { items } = JSON.parse(stdout.toString('utf8')) as { items: { topic: string; end: number }[] };
    const end = items.find(({ topic }) => topic === 'samples')?.end ?? 0;
    expect(end).toBeGreaterThan(20);
    for (const file of segmentFiles(path.join(gateway.data, 'log'), 'samples', '.log')) rmSync(file);
    gateway.start();
    await gateway.ready();
    const events = await dumpFrom(gateway, 'events', 0);
    expect(events.map(({ value }) => value)).toContainEqual(
      expect.objectContaining({ type: 'gap', topic: 'samples', first: 0, last: end - 1, reason: 'damage' }),
    );
    await using next = new SteadyDevice(gateway.mqttPort).start();
    await next.acknowledgedMore(gateway);
    const [first] = await dumpFrom(gateway, 'samples', end);
    expect(first?.offset).toBe(end);
  });
});
