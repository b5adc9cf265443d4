import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { once } from 'node:events';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { freePort } from '../services/wait.ts';
import { millrace } from './gateway.ts';

const wrong = `version: 2
site: north/mill
dat: ./data
http: { listen: 0.0.0.0:8080 }
log: { budget: 20 }
clock: { ahead: soon }
connectors:
  - name: Floor 1
    kind: mqtt-broker
    listen: 127.0.0.1:99999
    topics:
      - { match: "plant/#/x", value: value }
      - { match: "plant/+", tag: "x/{9}", value: $.v, timezone: Mars/Olympus, time: $.t, payloads: json }
  - { name: press, kind: http }
links:
  - { name: cloud, to: { brokers: [] }, topics: [sample], prefix: "a b" }
streams: []
`;

/** Where the errors of that file are, at least: line, and what they speak of. */
const places: readonly (readonly [line: number, path: RegExp])[] = [
  [1, /version/],
  [2, /site/],
  [3, /dat\b/],
  [4, /http\.listen/],
  [5, /log\.budget/],
  [6, /clock\.ahead/],
  [8, /connectors\[0\]\.name/],
  [10, /connectors\[0\]\.listen/],
  [12, /connectors\[0\]\.topics\[0\]\.match/],
  [12, /connectors\[0\]\.topics\[0\]\.value/],
  [13, /connectors\[0\]\.topics\[1\]\.tag/],
  [13, /connectors\[0\]\.topics\[1\]\.timezone/],
  [13, /connectors\[0\]\.topics\[1\]\.payloads/],
  [14, /connectors\[1\]\.kind/],
  [16, /links\[0\]\.to\.brokers/],
  [16, /links\[0\]\.topics/],
  [16, /links\[0\]\.prefix/],
  [17, /streams/],
];

function folderWith(yaml: string): string {
  const folder = mkdtempSync(join(tmpdir(), 'millrace-config-'));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  writeFileSync(join(folder, 'millrace.yaml'), yaml);
  return folder;
}

test.each([['start'], ['check']])(
  'millrace %s with a wrong configuration: every error at once, with its place, and exit code 2',
  async (command) => {
    const { code, stdout, stderr } = await millrace([command, '-c', 'millrace.yaml'], folderWith(wrong));
    expect(code).toBe(2);
    expect(stdout.toString('utf8')).toBe('');
    const lines = stderr.split('\n');
    const missing = places.filter(
      ([line, path]) =>
        !lines.some((text) => {
          const match = /^millrace\.yaml:(\d+):(\d+) {2}(\S.*?) {2}(\S.*?) {2}(expected \S.*)$/.exec(text);
          return match !== null && Number(match[1]) === line && path.test(match[3] ?? '');
        }),
    );
    expect({ missing, stderr: missing.length === 0 ? '' : stderr }).toEqual({ missing: [], stderr: '' });
  },
);

test('a configuration that is no YAML, is empty or is not there: exit code 2, and what is wrong', async () => {
  for (const [yaml, said] of [
    ['version: 1\nsite: [north\n', /^millrace\.yaml:\d+:\d+ {2}/m],
    ['', /^millrace\.yaml:1:1 {2}/m],
    ['- version: 1\n', /^millrace\.yaml:1:1 {2}/m],
    ['version: 1\nversion: 1\nsite: a\n', /^millrace\.yaml:2:1 {2}/m],
  ] as const) {
    const { code, stderr } = await millrace(['start'], folderWith(yaml));
    expect({ yaml, code, stderr }).toMatchObject({ yaml, code: 2, stderr: expect.stringMatching(said) as string });
  }
  const { code, stderr } = await millrace(['start', '-c', 'other.yaml'], folderWith(''));
  expect({ code, stderr }).toMatchObject({ code: 2, stderr: expect.stringContaining('other.yaml') as string });
});

test('a port that is taken ends the start with exit code 1 and says which', async () => {
  const port = await freePort();
  const server = createServer().listen(port, '127.0.0.1');
  onTestFinished(() => void server.close());
  await once(server, 'listening');
  const yaml = `version: 1\nsite: north\nhttp: { listen: 127.0.0.1:${port} }\n`;
  const { code, stderr } = await millrace(['start'], folderWith(yaml));
  expect({ code, stderr }).toMatchObject({ code: 1, stderr: expect.stringContaining(String(port)) as string });
});
