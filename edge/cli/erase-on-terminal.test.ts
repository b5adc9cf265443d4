import { beforeEach, expect, test } from 'vitest';
import { MemoryServices, sampleAt, START_US } from '../api/services-kit.ts';
import { configuredFolder, millraceOnTerminal, servedFrom } from './cli-kit.ts';

let cwd: string;
let services: MemoryServices;

beforeEach(async () => {
  cwd = configuredFolder();
  services = new MemoryServices();
  services.samples.set('plant/a', [sampleAt(START_US, 0.5), sampleAt(START_US + 1, 1.5)]);
  services.samples.set('plant/b', [sampleAt(START_US, 7)]);
  await servedFrom(services, cwd);
});

const QUESTION = 'Erase 3 samples of 2 tags for ever? Type yes: ';
const span = ['--from', '2020-03-17T10:00:00Z', '--to', '2020-03-17T12:00:00+01:00', '--reason', 'a test run'];
const erase = (keys: string) =>
  millraceOnTerminal(['erase', '--tag', 'plant/a', 'plant/b', ...span], { cwd, question: QUESTION, keys });

test.each(['yes\r', ' Yes \r'])('on a terminal it asks, and %j erases', async (keys) => {
  const { code, stdout } = await erase(keys);
  expect([code, stdout.includes('\nErasure e-1: 3 samples of 2 tags.\n')]).toEqual([0, true]);
  // What it is about stands there before it is asked.
  expect(stdout.indexOf('plant/b        1\n')).toBeLessThan(stdout.indexOf(QUESTION));
  expect(services.erased).toHaveLength(1);
});

test.each([
  ['another word', 'y\r'],
  ['no word', '\r'],
  ['Ctrl-D', '\u0004'],
  ['Ctrl-C', '\u0003'],
])('on a terminal %s erases nothing, and that is said', async (_name, keys) => {
  const { code, stdout } = await erase(keys);
  expect([code, stdout.split('\n').slice(-2)]).toEqual([1, ['Nothing was erased.', '']]);
  expect(services.erased).toEqual([]);
});
