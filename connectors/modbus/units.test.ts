import { describe, expect, test } from 'vitest';
import { fromModbusException, StatusCode } from '../../edge/core/status-code.ts';
import { startPymodbus } from '../../test/services/pymodbus.ts';
import { requireService } from '../../test/services/require.ts';
import type { DeviceConfig } from './config.ts';
import { configOf, deviceConfig, startClient } from './modbus-rig.ts';

const python = requireService('python');

const meter = deviceConfig({ x: { table: 'holding', address: 1 } });
const write = (value: string, unit = 1): Parameters<Awaited<ReturnType<typeof startPymodbus>>['write']>[0] => {
  return { unit, table: 'holding', address: 1, type: 'uint16', value };
};

describe.skipIf(!python.available)('units of an independent server', () => {
  test('every table is read, bits and registers', async () => {
    await using server = await startPymodbus({ units: [{ id: 1 }] });
    const bits = [true, false, true, true, false, false, true, false, true, true];
    await server.write(
      { unit: 1, table: 'coil', address: 3, value: bits },
      { unit: 1, table: 'discrete', address: 0, value: [false, true] },
      { unit: 1, table: 'input', address: 5, type: 'int16', value: '-5' },
      { unit: 1, table: 'holding', address: 10, type: 'uint16', value: '8' },
    );
    const coils = Object.fromEntries(bits.map((_, i) => [`c${i}`, { table: 'coil', address: 4 + i } as const]));
    const device = deviceConfig(
      {
        ...coils,
        d: { table: 'discrete', address: 10_002 },
        i: { table: 'input', address: 30_006, type: 'int16' },
        h: { table: 'holding', address: 40_011 },
        b: { table: 'holding', address: 40_011, bit: 3 },
      },
      { addressing: 'one-based' },
    );
    const rig = await startClient(configOf(server.port, [{ id: 1, asset: 'm', device }]));
    await rig.until('m/b', 2);
    expect(bits.map((_, i) => rig.values(`m/c${i}`).at(-1)?.value)).toEqual(bits);
    expect(['d', 'i', 'h', 'b'].map((name) => rig.values(`m/${name}`).at(-1)?.value)).toEqual([true, -5, 8, true]);
    expect(rig.readings[0]).toEqual({ type: 'event', event: 'connected', source: 'unit 1' });
  });

  test('each exception has its quality, and the unit counts as there unless the gateway says that it is not', async () => {
    await using server = await startPymodbus({ units: [{ id: 1 }, { id: 2 }] });
    const rig = await startClient(
      configOf(server.port, [
        { id: 1, asset: 'a', device: meter },
        { id: 2, asset: 'b', device: meter },
      ]),
      { silentPauseMs: 100, refusedPauseMs: 100 },
    );
    for (const code of [1, 2, 3, 4, 6]) {
      await server.behave(1, { exception: code });
      await rig.untilLast('a/x', { value: null, quality: fromModbusException(code) });
      await server.behave(1, null);
      await rig.untilLast('a/x', { value: 0, quality: StatusCode.Good });
    }
    expect(rig.events().filter(({ event }) => event === 'disconnected')).toEqual([]);
    for (const code of [0x0a, 0x0b]) {
      await server.behave(1, { exception: code });
      await rig.untilLast('a/x', { value: null, quality: StatusCode.BadNoCommunication });
      const gone = (): number => rig.events().filter(({ event }) => event === 'disconnected').length;
      await expect.poll(gone, { timeout: 10_000, interval: 5 }).toBe(code - 9);
      await server.behave(1, null);
      await rig.untilLast('a/x', { value: 0, quality: StatusCode.Good });
    }
    const gone = rig.events().filter(({ event }) => event === 'disconnected');
    expect(new Set(gone.map(({ source, reason }) => `${source}: ${reason ?? ''}`))).toEqual(
      new Set(['unit 1: the gateway says that it is not there']),
    );
    expect(rig.values('b/x').filter(({ quality }) => quality !== StatusCode.Good)).toEqual([]);
  });

  test('a unit that is not there (exception 4 of pymodbus) and a silent one cost the others nothing but a time-out', async () => {
    await using server = await startPymodbus({ units: [{ id: 1 }, { id: 2 }] });
    await server.behave(2, { silent: true });
    const units = [1, 2, 3].map((id) => ({ id, asset: `u${id}`, device: meter }));
    const rig = await startClient(configOf(server.port, units, { timeout: 400 }), { silentPauseMs: 400 });
    await rig.untilLast('u2/x', { value: null, quality: StatusCode.BadTimeout });
    await rig.untilLast('u3/x', { value: null, quality: StatusCode.BadDeviceFailure });
    await server.write(write('77'));
    await rig.untilLast('u1/x', { value: 77 });
    expect(rig.events()).toContainEqual({
      type: 'event',
      event: 'disconnected',
      source: 'unit 2',
      reason: 'no answer within 400 ms',
    });
    const asked = rig.values('u2/x').length;
    await rig.until('u1/x', rig.values('u1/x').length + 20);
    // 20 ms apart its questions would have been as many.
    expect(rig.values('u2/x').length - asked).toBeLessThan(10);
    await server.behave(2, null);
    await server.write(write('5', 2));
    await rig.untilLast('u2/x', { value: 5, quality: StatusCode.Good });
    expect(rig.events().filter(({ event, source }) => event === 'connected' && source === 'unit 2')).toHaveLength(1);
  });

  test('over RTU framing a unit that was silent comes back with its own values', async () => {
    await using server = await startPymodbus({ units: [{ id: 1 }, { id: 2 }], framing: 'rtu' });
    const units = [1, 2].map((id) => ({ id, asset: `u${id}`, device: meter }));
    const rig = await startClient(configOf(server.port, units, { timeout: 400, framing: 'rtu' }), {
      silentPauseMs: 200,
    });
    await server.write(write('11', 1), write('22', 2));
    await rig.untilLast('u2/x', { value: 22 });
    await server.behave(2, { silent: true });
    await rig.untilLast('u2/x', { value: null, quality: StatusCode.BadTimeout });
    await rig.untilLast('u1/x', { value: 11 });
    await server.behave(2, null);
    await rig.untilLast('u2/x', { value: 22, quality: StatusCode.Good });
    expect(rig.values('u1/x').filter(({ value }) => value !== 0 && value !== 11)).toEqual([]);
  });

  test('one register that there is not does not hide the others; forbidden ones are never asked for', async () => {
    await using server = await startPymodbus({ units: [{ id: 1, missing: { holding: [13] } }] });
    const points = Object.fromEntries(
      Array.from({ length: 20 }, (_, i) => [`r${i}`, { table: 'holding', address: i } as const]).filter(
        ([name]) => name !== 'r5',
      ),
    ) as DeviceConfig['points'];
    const device = deviceConfig(points, { forbid: [[5, 5]] });
    const rig = await startClient(configOf(server.port, [{ id: 1, asset: 'm', device }]));
    await rig.untilLast('m/r13', { value: null, quality: StatusCode.BadConfigurationError });
    await server.write({ unit: 1, table: 'holding', address: 12, type: 'uint16', value: '12' });
    await rig.untilLast('m/r12', { value: 12 });
    await rig.until('m/r19', 3);
    for (const name of Object.keys(points).filter((each) => each !== 'r13')) {
      expect(rig.values(`m/${name}`).filter(({ quality }) => quality !== StatusCode.Good)).toEqual([]);
    }
    // On a busy machine cycles are left out, and told, too: those have no address.
    const problems = rig.events().flatMap(({ event, address }) => (event === 'problem' ? (address ?? []) : []));
    expect(problems).toEqual(['holding/13']);
    for (const [, address, count] of await server.asked(1)) {
      expect(address <= 5 && 5 < address + count).toBe(false);
    }
  });

  test('a server that stops rejects `read`; started again it can be opened again', async () => {
    await using server = await startPymodbus({ units: [{ id: 1 }] });
    const config = configOf(server.port, [{ id: 1, asset: 'm', device: meter }]);
    const rig = await startClient(config);
    await rig.until('m/x', 1);
    await server.kill9();
    await expect.poll(() => rig.ended, { timeout: 10_000 }).toMatchObject({ code: 'modbus-lost' });
    await rig.client.close();
    await expect(rig.client.open(new AbortController().signal)).rejects.toMatchObject({ code: 'modbus-unreachable' });
    await server.restart();
    await server.write(write('9'));
    const again = await startClient(config);
    await again.untilLast('m/x', { value: 9 });
    expect(again.events()[0]).toMatchObject({ event: 'connected', source: 'unit 1' });
  });
});
