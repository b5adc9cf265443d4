import { readFileSync } from 'node:fs';
import path from 'node:path';
import mqtt from 'mqtt';
import { beforeEach, describe, expect, test } from 'vitest';
import { freePort, waitFor } from '../../test/services/wait.ts';
import type { ApiServer } from '../api/server.ts';
import { MemoryServices, sampleAt, START_US } from '../api/services-kit.ts';
import { Fault } from '../core/fault.ts';
import { configuredFolder, exitOf, millrace, servedFrom, startMillrace, temporaryFolder } from './cli-kit.ts';
import { writeFileSync } from 'node:fs';

describe('a gateway with little data', () => {
  let cwd: string;
  let api: ApiServer;
  let services: MemoryServices;

  beforeEach(async () => {
    cwd = configuredFolder('links: [{ name: cloud, to: { brokers: ["127.0.0.1:1"] } }]\n');
    services = new MemoryServices();
    services.samples.set('plant/a', [sampleAt(START_US, 0.5), sampleAt(START_US + 1, 1.5)]);
    services.samples.set('plant/b', [sampleAt(START_US, 7)]);
    api = await servedFrom(services, cwd);
  });

  test('status shows connectors, models, alarms, log, links, historian, disk and ledger', async () => {
    const { code, stdout } = await millrace(['status'], { cwd });
    expect(code).toBe(0);
    expect(stdout.split('\n').slice(1)).toEqual([
      '',
      'connector  kind         state  address         sources  received',
      'floor      mqtt-broker  up     127.0.0.1:1883        1         3',
      '',
      'model     state                      version  score',
      'a-health  learning, collecting 25 %',
      '',
      'alarm     state  priority  since',
      'a-health  UNACK  high      2020-03-17T10:14:33.000000Z  a is not as it should be with b',
      '',
      'topic    start  end  segments  size   a day   since',
      'samples      0   10         1  1000B  8.2MiB  2020-03-17T10:14:33.000000Z',
      '',
      'link   topic    destination    state      end  mirrored  lag',
      'cloud  samples  plant.samples  mirroring   10         8    2',
      'cloud, plant.samples: retention.ms is short',
      '',
      'historian: 3 samples stored, 0 behind the log',
      'historian: 2 files, 1000B; samples are kept 400d',
      'historian: samples has expired before 2020-03-17T10:14:32.999999Z',
      '',
      'questdb: following, 2 records behind the log, 8 rows sent to samples of http://127.0.0.1:9000',
      '',
      'disk: 20GiB free, full in 1.7d at this rate',
      'log: 1000B of 20GiB, full in 1d; at this rate it reaches back 10d',
      'link/cloud: 500B of the log not mirrored, loses data in 12h if it is down',
      '',
      'ledger balanced: received 3, logged 3, stored 3, generated 0, quarantined 0, duplicate 0, filtered 0, refused 0, lost 0, inFlight 0, lag 0',
      '',
    ]);
  });

  test.each([
    [{ freeBytes: 1024, fullInSeconds: null }, 'disk: 1KiB free, no end in sight'],
    [{ freeBytes: 0, fullInSeconds: 0 }, 'disk: full'],
  ])('status says how long the disk lasts: %j', async (forecast, line) => {
    services.disk = forecast;
    expect((await millrace(['status'], { cwd })).stdout.split('\n')).toContain(line);
  });

  test('a clock that is not believed is shown until somebody confirms it', async () => {
    services.clock = { confirmed: false, aheadSeconds: 365 * 86_400 };
    const doubt = /^The clock is 365d ahead of what was expected: .*`millrace log confirm-clock`/m;
    expect((await millrace(['status'], { cwd })).stdout).toMatch(doubt);
    const confirmed = await millrace(['log', 'confirm-clock'], { cwd });
    expect([confirmed.code, confirmed.stdout]).toEqual([
      0,
      'The clock is confirmed: data is deleted by its age again.\n',
    ]);
    expect(services.clock.confirmed).toBe(true);
    expect((await millrace(['status'], { cwd })).stdout).not.toMatch(doubt);
  });

  test('status says what is not ready', async () => {
    services.ready = false;
    const { code, stdout } = await millrace(['status'], { cwd });
    expect([code, stdout.split('\n')[2]]).toEqual([0, 'log is not ready: It is being recovered.']);
    const json = JSON.parse((await millrace(['status', '--json'], { cwd })).stdout) as object;
    expect(json).toMatchObject({
      gateway: { pid: process.pid },
      readiness: { ready: false },
      ledger: { balanced: true },
    });
  });

  test('status is printed without the ledger while the historian does not run', async () => {
    services.ledger = () => {
      throw new Fault('not-ready', 'The historian does not run.');
    };
    services.historian = () => {
      throw new Fault('not-ready', 'The historian does not run.');
    };
    const { code, stdout } = await millrace(['status'], { cwd });
    expect([code, stdout.includes('connector  kind'), /^(ledger|historian)/m.test(stdout)]).toEqual([0, true, false]);
    expect(JSON.parse((await millrace(['status', '--json'], { cwd })).stdout)).toMatchObject({ ledger: null });
  });

  test('history prints what the route answers', async () => {
    const args = ['history', 'plant/a', 'PLANT/B', '--from', '2020-03-17T11:14:33+01:00'];
    expect((await millrace(args, { cwd })).stdout).toBe(
      `tag,time,value,quality
plant/a,2020-03-17T10:14:33.000000Z,0.5,0
plant/a,2020-03-17T10:14:33.000001Z,1.5,0
plant/b,2020-03-17T10:14:33.000000Z,7,0
`,
    );
    const json = await millrace([...args, '--format', 'json', '-o', 'history.json'], { cwd });
    expect([json.code, json.stdout]).toEqual([0, '']);
    const url = '/api/v1/history?tag=plant/a&tag=plant/b';
    expect(readFileSync(path.join(cwd, 'history.json'), 'utf8')).toBe((await api.inject({ url })).body);
  });

  test('faults of the gateway are printed like any other', async () => {
    const { code, stdout, stderr } = await millrace(['history', 'plant/x'], { cwd });
    expect([code, stdout]).toEqual([1, '']);
    expect(stderr).toBe(
      'millrace: There is no such tag.\n  plant/x\n  The tag list is at GET /api/v1/tags; `millrace sql "FROM tags"` prints it.\n',
    );
  });

  test('an answer that breaks off leaves no file', async () => {
    services.pageSamples = 1;
    services.samples.set(
      'plant/a',
      Array.from({ length: 5000 }, (_, i) => sampleAt(START_US + i, i)),
    );
    let pages = 0;
    services.beforePage = () => (++pages < 4000 ? Promise.resolve() : Promise.reject(new Error('the disk is gone')));
    const { code, stderr } = await millrace(['history', 'plant/a', '-o', 'out.csv'], { cwd });
    expect([code, stderr.split('\n')[1]]).toEqual([1, '  /api/v1/history?tag=plant/a: the answer broke off.']);
    expect(() => readFileSync(path.join(cwd, 'out.csv'))).toThrow('ENOENT');
  });

  test('link list shows how far the mirrors are', async () => {
    const { stdout } = await millrace(['link', 'list', '--json'], { cwd });
    expect(JSON.parse(stdout)).toMatchObject({ items: [{ name: 'cloud', topics: [{ lag: 2 }] }] });
  });

  test.each([
    [true, 0, 'Both ends are equal.'],
    [false, 1, 'The ends differ.'],
  ])('link verify, equal %s: exit code %d', async (equal, exitCode, verdict) => {
    const topic = {
      topic: 'samples',
      destination: 'plant.samples',
      from: 3,
      compared: 7,
      unknown: 0,
      erased: 4,
      different: 1,
      missing: 2,
      extra: 0,
    };
    services.verification = [{ type: 'result', equal, topics: [{ ...topic, examples: ['record 7: value'] }] }];
    const { code, stdout } = await millrace(['link', 'verify', 'cloud'], { cwd });
    expect(code).toBe(exitCode);
    expect(stdout.split('\n').slice(2)).toEqual([
      'samples: record 7: value; what follows it was not compared',
      'samples: 4 records were erased here and have their values there still',
      verdict,
      '',
    ]);
  });

  test('a link that does not exist is named', async () => {
    const { code, stderr } = await millrace(['link', 'verify', 'other'], { cwd });
    expect([code, stderr.split('\n').slice(0, 2)]).toEqual([1, ['millrace: There is no such link.', '  other']]);
  });
});

describe('without a gateway', () => {
  const links = 'links: [{ name: cloud, to: { brokers: ["127.0.0.1:1"] } }]\n';

  test('links are listed as stopped', async () => {
    const { code, stdout } = await millrace(['link', 'list'], { cwd: configuredFolder(links) });
    expect([code, stdout.split('\n')[1]]).toEqual([
      0,
      'cloud  samples  samples      stopped    0  ?         ?    no gateway runs',
    ]);
  });

  test('a link is verified by the command itself, which says when there is no broker', async () => {
    const { code, stderr } = await millrace(['link', 'verify', 'cloud'], { cwd: configuredFolder(links) });
    expect([code, stderr.split('\n')[0]]).toEqual([1, 'millrace: No broker can be reached.']);
  });
});

test('a real gateway: route, command and, when it has ended, files give the same bytes', async () => {
  const cwd = temporaryFolder();
  const [httpPort, mqttPort] = [await freePort(), await freePort()];
  const connector = `{ name: m, kind: mqtt-broker, listen: 127.0.0.1:${mqttPort}, topics: [{ match: "#" }] }`;
  const yaml = `version: 1\nsite: plant\nhttp: { listen: 127.0.0.1:${httpPort} }\nconnectors: [${connector}]\n`;
  writeFileSync(path.join(cwd, 'millrace.yaml'), yaml);
  const gateway = startMillrace(['start'], { cwd });
  const origin = `http://127.0.0.1:${httpPort}`;
  await waitFor('the gateway is ready', async () => {
    const answer = await fetch(`${origin}/readyz`);
    // What is not ready, and why, is then the cause of the error.
    if (answer.status !== 200) throw new Error(await answer.text());
    return true;
  });

  const device = await mqtt.connectAsync(`mqtt://127.0.0.1:${mqttPort}`, { clientId: 'pump-7' });
  const payloads = ['1.5', '-0.0', '5e-324', 'null', '{"deep":"te\\"xt,\\nlines"}', '[1,2.5]', '0.1'];
  for (const payload of payloads) await device.publishAsync('loop/pressure', payload, { qos: 1 });
  await device.endAsync();

  const tags = ['plant/loop/pressure', 'plant/loop/pressure/deep'];
  const query = new URLSearchParams(tags.map((tag): [string, string] => ['tag', tag])).toString();
  const ask = async (accept: string): Promise<string> => {
    return (await fetch(`${origin}/api/v1/history?${query}`, { headers: { accept } })).text();
  };
  await waitFor('all samples in the historian', async () => (await ask('text/csv')).includes('Z,0.1,0\n'));
  const answers = { csv: await ask('text/csv'), json: await ask('application/json') };
  expect(answers.csv).toMatch(/^tag,time,value,quality\nplant\/loop\/pressure,\S+Z,1\.5,0\n/);
  expect(answers.csv).toMatch(/plant\/loop\/pressure,\S+Z,-0,0\nplant\/loop\/pressure,\S+Z,5e-324,0\n/);
  expect(answers.csv).toContain('"te""xt,\nlines"');

  const command = async (format: string): Promise<string> => {
    return (await millrace(['history', ...tags, '--format', format], { cwd })).stdout;
  };
  expect({ csv: await command('csv'), json: await command('json') }).toEqual(answers);
  gateway.kill('SIGTERM');
  expect(await exitOf(gateway)).toBe(0);
  expect({ csv: await command('csv'), json: await command('json') }).toEqual(answers);
});
