import { readdirSync, symlinkSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, test } from 'vitest';
import { demoText, writeDemoFile } from '../demo/configuration.ts';
import { DataLock } from '../lock/data-lock.ts';
import { configuredFolder, millrace, temporaryFolder, writeLog } from './cli-kit.ts';

describe('without a configuration file', () => {
  const BUILT_IN = 'millrace: no millrace.yaml here, so the built-in configuration is used (site plant, data ./data)\n';
  const DEMO = "millrace: no millrace.yaml here, so the demo's is used (data-demo/millrace.yaml)\n";

  const record = { key: null, value: new Uint8Array(1) };

  /** What a demo has left behind. */
  async function demoFolder(cwd: string): Promise<string> {
    const data = path.join(cwd, 'data-demo');
    await writeLog(data, [['events', [record, record, record]]]);
    const text = demoText({ data, httpPort: 0, mqttPort: 0, kafka: null });
    writeDemoFile(path.join(data, 'millrace.yaml'), text);
    return data;
  }

  test.each([['status'], ['log topics'], ['link list'], ['historian verify'], ['history a/b']])(
    '%s finds nothing in a folder without data, and says both ways out',
    async (command) => {
      const cwd = temporaryFolder();
      expect(await millrace(command.split(' '), { cwd })).toEqual({
        code: 2,
        stdout: '',
        stderr: `millrace: The configuration file cannot be read.
  There is no millrace.yaml here, and no data-demo/millrace.yaml.
  Give its path with -c, write one with \`millrace init\`, or start the demo with \`npm start\`.
`,
      });
      expect(readdirSync(cwd)).toEqual([]);
    },
  );

  test('commands find the data of the built-in one, and a line says so', async () => {
    const cwd = temporaryFolder();
    await writeLog(path.join(cwd, 'data'), [['events', [record]]]);
    const { stdout, stderr } = await millrace(['log', 'topics'], { cwd });
    expect(stderr).toBe(BUILT_IN);
    expect(stdout).toMatch(/^events +0 +1 /m);
  });

  test('they find the demo, and a line says so', async () => {
    const cwd = temporaryFolder();
    const data = await demoFolder(cwd);
    const here = await millrace(['log', 'topics'], { cwd });
    expect([here.code, here.stderr]).toEqual([0, DEMO]);
    expect(here.stdout).toMatch(/^events +0 +3 /m);
    const named = await millrace(['log', 'topics', '-c', path.join(data, 'millrace.yaml')], { cwd: temporaryFolder() });
    expect(named).toEqual({ ...here, stderr: '' });
    expect((await millrace(['status'], { cwd })).stderr).toBe(
      `${DEMO}millrace: No gateway runs on this data folder.\n  ${data}\n  Start it with \`millrace start\`, the demo with \`npm start\`.\n`,
    );
    expect(await millrace(['check', '-c', 'data-demo/millrace.yaml'], { cwd })).toMatchObject({ code: 0, stderr: '' });
    // It is about a configuration of one's own.
    expect(await millrace(['check'], { cwd })).toMatchObject({ code: 2, stdout: '' });
  });

  test('a demo that cannot be looked at is not taken for none', async () => {
    const cwd = temporaryFolder();
    symlinkSync('data-demo', path.join(cwd, 'data-demo'));
    const { code, stderr } = await millrace(['status'], { cwd });
    expect([code, stderr.split('\n')[2]]).toEqual([2, expect.stringContaining('data-demo/millrace.yaml: ELOOP')]);
  });

  test('a millrace.yaml comes before the demo', async () => {
    const cwd = configuredFolder();
    await demoFolder(cwd);
    expect(await millrace(['log', 'topics'], { cwd })).toEqual({
      code: 0,
      stdout: `There is no log in ${cwd}/data/log.\n`,
      stderr: '',
    });
  });

  test('of the demo and the built-in one it is the demo, unless only the other one runs', async () => {
    const cwd = temporaryFolder();
    await demoFolder(cwd);
    await writeLog(path.join(cwd, 'data'), [['events', [record]]]);
    const said = async (): Promise<string> =>
      (await millrace(['historian', 'verify'], { cwd })).stderr.split(/(?<=\n)/)[0] ?? '';
    expect(await said()).toBe(DEMO);
    const own = await DataLock.take(path.join(cwd, 'data'));
    expect(await said()).toBe(BUILT_IN);
    const demo = await DataLock.take(path.join(cwd, 'data-demo'));
    expect(await said()).toBe(DEMO);
    await Promise.all([own.release(), demo.release()]);
  });

  test('a file that was named must be there', async () => {
    const { code, stderr } = await millrace(['start', '-c', 'mine.yaml'], { cwd: temporaryFolder() });
    expect(code).toBe(2);
    expect(stderr).toMatch(/^millrace: The configuration file cannot be read\.\n {2}mine\.yaml: /);
  });
});
