import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { checkConfig } from './check.ts';
import { DEFAULT_CONFIG_FILE, loadConfig } from './load.ts';
import { MAX_FILE_BYTES } from './yaml-source.ts';

let folder: string;

beforeEach(async () => {
  folder = await mkdtemp(path.join(os.tmpdir(), 'millrace-config-'));
});

afterEach(async () => {
  await rm(folder, { recursive: true });
});

async function write(content: string | Uint8Array): Promise<string> {
  const file = path.join(folder, 'millrace.yaml');
  await writeFile(file, content);
  return file;
}

test('relative paths count from the folder of the file', async () => {
  const { config } = await loadConfig(await write('version: 1\nsite: a\ndata: ../other\n'));
  expect(config?.data).toBe(path.resolve(folder, '../other'));
});

test('the built-in configuration takes every topic of the MQTT broker, and its data lies where it is told', async () => {
  const { config } = await loadConfig(DEFAULT_CONFIG_FILE, { folder });
  expect(config).toMatchObject({
    data: path.join(folder, 'data'),
    connectors: [{ kind: 'mqtt-broker', listen: { host: '127.0.0.1', port: 1883 }, topics: [{ match: '#' }] }],
  });
});

test('the template of `millrace init` passes, also with its examples in force', async () => {
  const template = await readFile(path.join(import.meta.dirname, 'template.yaml'), 'utf8');
  expect(checkConfig(template, 'template.yaml', folder).problems).toBeUndefined();
  const examples = template
    .replace('links: []\n', 'links:\n')
    .replaceAll(/^( *)# ((?:- \{? ?match| {2}(?:time|timeFormat|prefix|fields)):.*)$/gm, '$1$2')
    .replaceAll(/^#( {2}(?:- name| {2}to| {2}topics| {2}prefix):.*)$/gm, '$1');
  const { config, problems } = checkConfig(examples, 'template.yaml', folder);
  expect(problems).toBeUndefined();
  expect(config?.links).toHaveLength(1);
  expect(config?.connectors).toMatchObject([
    { kind: 'mqtt-broker', topics: [{}, {}, { class: 'critical' }, { class: 'bulk' }, {}] },
  ]);
});

test('a file that is not there is a fault of its own', async () => {
  await expect(loadConfig(path.join(folder, 'nothing.yaml'))).rejects.toMatchObject({ code: 'config-missing' });
});

test('a file that is no text is refused', async () => {
  const { problems } = await loadConfig(await write(Uint8Array.of(0x76, 0xff, 0xfe)));
  expect(problems).toMatchObject([{ line: 1, column: 1, wrong: 'is not UTF-8' }]);
});

test('a file that is too large is refused unread', async () => {
  const { problems } = await loadConfig(await write('#'.repeat(MAX_FILE_BYTES + 1)));
  expect(problems).toMatchObject([{ wrong: `has ${MAX_FILE_BYTES + 1} bytes` }]);
});
