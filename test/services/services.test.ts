import {
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, onTestFinished, test, vi } from 'vitest';
import { dumpComplaints, dumpIndexes, dumpLog, dumpRecords } from './dump-log.ts';
import { startKafka, type Kafka } from './kafka.ts';
import { kcatConsume, kcatProduce } from './kcat.ts';
import { startMosquitto } from './mosquitto.ts';
import { runPython } from './python.ts';
import { requireService } from './require.ts';
import { program, run } from './run.ts';
import { waitFor } from './wait.ts';

const broker = requireService('kafka', 'kcat');
const mosquitto = requireService('mosquitto');
const python = requireService('python');

/** Every byte there is, so that nothing that thinks in text survives. */
const everyByte = Buffer.from(Array.from({ length: 512 }, (_, index) => index % 256));

function isAlive(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
}

function segmentFiles(kafka: Kafka, topic: string, ending: string): string[] {
  const folder = join(kafka.logDir, `${topic}-0`);
  return readdirSync(folder)
    .filter((name) => name.endsWith(ending))
    .map((name) => join(folder, name));
}

describe.skipIf(!broker.available)('Kafka', () => {
  test('what kcat sends is read back by kcat after kill -9, and by the dump tool after a clean stop, byte for byte', async () => {
    const startMs = Date.now();
    await using kafka = await startKafka();
    await kcatProduce(kafka.brokers, 'samples', { key: 'a/b', value: everyByte, headers: { c: 'press 1', p: '77' } });
    await kcatProduce(kafka.brokers, 'samples', { key: 'c/ü', value: 'x' });

    await kafka.kill9();
    expect(isAlive(kafka.pid)).toBe(false);
    await kafka.restart();

    const records = await kcatConsume(kafka.brokers, 'samples');
    expect(records.map(({ offset, key, value }) => ({ offset, key, value }))).toEqual([
      { offset: 0, key: Buffer.from('a/b'), value: everyByte },
      { offset: 1, key: Buffer.from('c/ü'), value: Buffer.from('x') },
    ]);
    expect(records[0]?.headers).toEqual([
      { name: 'c', value: Buffer.from('press 1') },
      { name: 'p', value: Buffer.from('77') },
    ]);
    expect(records[0]?.timestampMs).toBeGreaterThanOrEqual(startMs);
    expect(await kcatConsume(kafka.brokers, 'samples', { from: 1, count: 1 })).toEqual(records.slice(1));
    await expect(kcatConsume(kafka.brokers, 'no-such-topic')).rejects.toThrow('Unknown topic');

    await kafka.stop();
    const dumped = await dumpRecords(segmentFiles(kafka, 'samples', '.log'));
    expect(dumped.map(({ headerNames, ...rest }) => ({ ...rest, headers: headerNames }))).toEqual(
      records.map((record) => ({ ...record, headers: record.headers.map(({ name }) => name) })),
    );
    expect(dumpComplaints(await dumpIndexes(segmentFiles(kafka, 'samples', 'index')))).toEqual([]);
  });

  test('a flipped bit, a torn tail and a wrong index entry are complaints of the dump tool', async () => {
    await using kafka = await startKafka({ properties: { 'log.index.interval.bytes': '0' } });
    for (const value of ['one', 'two', 'three']) await kcatProduce(kafka.brokers, 'samples', { key: 'a', value });
    await kafka.stop();
    const [log = ''] = segmentFiles(kafka, 'samples', '.log');
    const [index = ''] = segmentFiles(kafka, 'samples', '.index');
    const damaged = join(kafka.dir, 'damaged');
    mkdirSync(damaged);
    const copy = join(damaged, '00000000000000000000.log');

    const flipped = readFileSync(log);
    flipped.writeUInt8(flipped.readUInt8(flipped.length - 3) ^ 1, flipped.length - 3);
    writeFileSync(copy, flipped);
    expect(dumpComplaints(await dumpLog([copy]))).toHaveLength(1);
    await expect(dumpRecords([copy])).rejects.toThrow('isvalid: false');

    writeFileSync(copy, readFileSync(log).subarray(0, -3));
    expect(dumpComplaints(await dumpLog([copy]))).toEqual([expect.stringMatching(/^Found \d+ invalid bytes/)]);

    copyFileSync(log, copy);
    const wrong = readFileSync(index);
    expect(wrong.length).toBeGreaterThanOrEqual(8);
    wrong.writeInt32BE(wrong.readInt32BE(0) + 7, 0);
    writeFileSync(copy.replace('.log', '.index'), wrong);
    expect(dumpComplaints(await dumpIndexes([copy.replace('.log', '.index')]))).not.toEqual([]);
  });

  test('a broker that does not come up says why, and leaves no folder behind', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'millrace-alone-'));
    vi.stubEnv('TMPDIR', folder);
    onTestFinished(() => {
      vi.unstubAllEnvs();
      rmSync(folder, { recursive: true });
    });
    const properties = { 'authorizer.class.name': 'no.such.Guard' };
    await expect(startKafka({ properties })).rejects.toThrow(/Kafka did not come up.*no\.such\.Guard/s);
    expect(readdirSync(folder).filter((name) => name.startsWith('millrace-'))).toEqual([]);
  });
});

describe.skipIf(!mosquitto.available)('mosquitto', () => {
  test('a message goes from mosquitto_pub to mosquitto_sub; disposing ends the process and removes the folder', async () => {
    let broken: { pid: number; dir: string };
    {
      await using peer = await startMosquitto();
      broken = peer;
      const address = ['-h', peer.host, '-p', String(peer.port), '-t', 'plant/a', '-q', '1'];
      await run(program('mosquitto_pub'), [...address, '-r', '-s'], { input: everyByte });
      const { stdout } = await run(program('mosquitto_sub'), [...address, '-C', '1', '-N', '-W', '20']);
      expect(stdout).toEqual(everyByte);
    }
    expect(isAlive(broken.pid)).toBe(false);
    expect(existsSync(broken.dir)).toBe(false);
  });

  test.skipIf(process.platform !== 'linux')(
    'a peer ends with the process that started it, also after kill -9',
    async () => {
      const script = `
      const { startMosquitto } = await import(${JSON.stringify(join(import.meta.dirname, 'mosquitto.ts'))});
      const peer = await startMosquitto();
      process.stdout.write(peer.pid + ' ' + peer.dir, () => process.kill(process.pid, 'SIGKILL'));`;
      const shell = '"$0" --input-type=module -e "$1"; true';
      const { stdout } = await run('/bin/sh', ['-c', shell, process.execPath, script]);
      const [pid = '', dir = ''] = stdout.toString('utf8').split(' ');
      expect(existsSync(dir)).toBe(true);
      await waitFor('the orphan is gone', () => !isAlive(Number(pid)));
      rmSync(dir, { recursive: true });
    },
  );
});

describe.skipIf(!python.available)('Python', () => {
  test('fastavro writes a record and reads it back', async () => {
    const script = `
import io, json, sys, fastavro
schema = fastavro.parse_schema(json.loads(sys.argv[1]))
data = io.BytesIO()
fastavro.schemaless_writer(data, schema, json.load(sys.stdin))
data.seek(0)
print(json.dumps({'hex': data.getvalue().hex(), 'record': fastavro.schemaless_reader(data, schema)}))`;
    const schema = {
      type: 'record',
      name: 'R',
      fields: [
        { name: 'n', type: 'long' },
        { name: 's', type: 'string' },
      ],
    };
    const record = { n: -2, s: 'ü' };
    const { stdout } = await runPython(script, [JSON.stringify(schema)], JSON.stringify(record));
    expect(JSON.parse(stdout.toString('utf8'))).toEqual({ hex: '0304c3bc', record });
  });

  test.skipIf(!mosquitto.available)('paho-mqtt is an MQTT 5 client', async () => {
    await using peer = await startMosquitto();
    const script = `
import sys, paho.mqtt.publish as publish, paho.mqtt.subscribe as subscribe
from paho.mqtt.client import MQTTv5
where = dict(hostname=sys.argv[1], port=int(sys.argv[2]), protocol=MQTTv5)
publish.single('plant/b', 'seven', qos=1, retain=True, **where)
print(subscribe.simple('plant/b', qos=1, **where).payload.decode())`;
    const { stdout } = await runPython(script, [peer.host, String(peer.port)]);
    expect(stdout.toString('utf8')).toBe('seven\n');
  });

  test('a script that fails rejects with what it said', async () => {
    await expect(runPython('raise ValueError("no such tag")')).rejects.toThrow('ValueError: no such tag');
  });
});

describe('setup', () => {
  const setup = join(import.meta.dirname, 'setup.ts');

  test('--help tells what is installed and where; an unknown flag is wrong usage', async () => {
    const cache = mkdtempSync(join(tmpdir(), 'millrace-cache-'));
    const help = await run(process.execPath, [setup, '--help'], { env: { MILLRACE_SERVICES: cache } });
    expect(help.stdout.toString('utf8')).toContain(cache);
    const wrong = await run(process.execPath, [setup, '--frobnicate'], { anyCode: true });
    expect(wrong).toMatchObject({ code: 2, stderr: expect.stringContaining('--frobnicate') as string });
    expect(readdirSync(cache)).toEqual([]);
    rmSync(cache, { recursive: true });
  });
});
