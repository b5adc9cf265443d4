import { mkdirSync, mkdtempSync, readdirSync, realpathSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { packageIn } from './folder.ts';
import { linkInto } from './link.ts';

let root = '';
beforeEach(() => {
  root = realpathSync(mkdtempSync(path.join(tmpdir(), 'millrace-link-')));
});
afterEach(() => {
  rmSync(root, { recursive: true });
});

const link = (): string => path.join(root, 'node_modules', '@tensorflow', 'tfjs-node');

function build(name: string): string {
  const folder = path.join(root, name);
  mkdirSync(packageIn(folder), { recursive: true });
  writeFileSync(path.join(packageIn(folder), 'package.json'), '{}');
  return folder;
}

test('a build becomes the package of the installation; again there is nothing to do', () => {
  const folder = build('one');
  expect(linkInto(root, folder)).toBe(true);
  expect(realpathSync(link())).toBe(packageIn(folder));
  expect(linkInto(root, folder)).toBe(false);
});

test('another build takes the place of the earlier one, which stays where it is', () => {
  const [one, two] = [build('one'), build('two')];
  linkInto(root, one);
  expect(linkInto(root, two)).toBe(true);
  expect(realpathSync(link())).toBe(packageIn(two));
  expect(readdirSync(packageIn(one))).toEqual(['package.json']);
});

test('a link to a build that is gone is replaced', () => {
  const one = build('one');
  linkInto(root, one);
  rmSync(one, { recursive: true });
  expect(linkInto(root, build('two'))).toBe(true);
});

test('a package that was installed by other means is left alone', () => {
  mkdirSync(link(), { recursive: true });
  expect(() => linkInto(root, build('one'))).toThrow('remove that folder');
  expect(readdirSync(link())).toEqual([]);
});
