import { createServer } from 'node:net';
import { once } from 'node:events';
import type { ChildProcess } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { createInterface } from 'node:readline';
import path from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import type { ConnectorStatus, Readiness } from '../api/services.ts';
import { demoText, writeDemoFile } from '../demo/configuration.ts';
import { configuredFolder, exitOf, startMillrace, temporaryFolder } from './cli-kit.ts';
import { startedText } from './start.ts';

const http = { host: '127.0.0.1', port: 8080 };
const floor: ConnectorStatus = {
  name: 'floor',
  kind: 'mqtt-broker',
  state: 'up',
  address: '127.0.0.1:1883',
  detail: null,
  sources: 0,
  received: 0,
};

test('what listens is said, and what does not yet and why', () => {
  expect(startedText(http, [])).toBe('ready: http://127.0.0.1:8080');
  expect(startedText(http, [floor])).toBe('ready: http://127.0.0.1:8080, mqtt-broker 127.0.0.1:1883');
  const busy = { ...floor, state: 'down', detail: 'The port is busy.' } as const;
  expect(startedText(http, [busy, { ...floor, name: 'hall', state: 'starting' }])).toBe(
    'not ready: floor is down (The port is busy.), hall is starting; listening: http://127.0.0.1:8080',
  );
});

/** Starts a gateway; resolves with the line that says what listens. */
async function startGateway(
  cwd: string,
  ...args: readonly string[]
): Promise<{ child: ChildProcess; line: string; lines: readonly string[] }> {
  const child = startMillrace(['start', '--log-format', 'text', ...args], { cwd });
  const lines: string[] = [];
  if (child.stdout !== null) createInterface({ input: child.stdout }).on('line', (line) => lines.push(line));
  const started = (): string | undefined => lines.find((line) => line.includes('http://') && line.includes('ready: '));
  await expect.poll(started, { timeout: 60_000 }).toBeDefined();
  return { child, line: started() ?? '', lines };
}

async function startedLine(cwd: string): Promise<string> {
  const { child, line } = await startGateway(cwd);
  child.kill('SIGTERM');
  expect(await exitOf(child)).toBe(0);
  return line;
}

test('the port that was found is named, where any free one was asked for', async () => {
  expect(await startedLine(configuredFolder())).toMatch(/ ready: http:\/\/127\.0\.0\.1:[1-9]\d+, mqtt-broker /);
});

test('readyz says which part is not ready and why', async () => {
  const cwd = configuredFolder();
  mkdirSync(path.join(cwd, 'data', 'historian'), { recursive: true });
  writeFileSync(path.join(cwd, 'data', 'historian', 'MANIFEST'), 'not a manifest');
  const { child, line } = await startGateway(cwd);
  const address = /http:\/\/127\.0\.0\.1:\d+/.exec(line)?.[0] ?? '';
  const historian = async (): Promise<unknown> => {
    const { parts } = (await (await fetch(`${address}/readyz`)).json()) as Readiness;
    return parts.find(({ name }) => name === 'historian');
  };
  const detail = expect.stringContaining('MANIFEST') as string;
  await expect.poll(historian, { timeout: 60_000 }).toEqual({ name: 'historian', ready: false, detail });
  child.kill('SIGTERM');
  expect(await exitOf(child)).toBe(0);
});

test('a gateway whose port for devices is taken does not say that it is ready', async () => {
  const other = createServer().listen(0, '127.0.0.1');
  onTestFinished(() => void other.close());
  await once(other, 'listening');
  const address = other.address();
  const port = typeof address === 'object' && address !== null ? address.port : 0;
  const cwd = temporaryFolder();
  const connector = `{ name: floor, kind: mqtt-broker, listen: 127.0.0.1:${port}, topics: [{ match: "#" }] }`;
  const yaml = `version: 1\nsite: plant\nhttp: { listen: 127.0.0.1:0 }\nconnectors: [${connector}]\n`;
  writeFileSync(path.join(cwd, 'millrace.yaml'), yaml);
  expect(await startedLine(cwd)).toMatch(/ not ready: floor is down \(.*EADDRINUSE.*\); listening: http:/);
});

test("the demo's configuration runs without the plant, and a warning says so", async () => {
  const cwd = temporaryFolder();
  const plant = { opcua: 'opc.tcp://127.0.0.1:1', modbus: '127.0.0.1:1' };
  const text = demoText({ data: cwd, httpPort: 0, mqttPort: 0, kafka: null, ...plant });
  writeDemoFile(path.join(cwd, 'demo.yaml'), text);
  const { child, line, lines } = await startGateway(cwd, '-c', 'demo.yaml');
  expect(lines[0]).toMatch(/ WARN .*configuration of the demo, whose plant does not run.*`millrace demo`/);
  expect(line).toContain(' not ready: plc is ');
  child.kill('SIGTERM');
  expect(await exitOf(child)).toBe(0);
});
