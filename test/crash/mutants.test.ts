import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, onTestFinished, test } from 'vitest';
import { type Edit, MUTANTS } from './mutants.ts';

const root = path.resolve(import.meta.dirname, '../..');
const searcher = path.relative(root, fileURLToPath(new URL('./mutant-search.ts', import.meta.url)));

/** A copy of the log and of the search, without their tests. */
function copied(): string {
  const folder = mkdtempSync(path.join(tmpdir(), 'millrace-mutant-'));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  for (const part of ['edge/core', 'test/crash']) {
    mkdirSync(path.join(folder, part), { recursive: true });
    cpSync(path.join(root, part), path.join(folder, part), {
      recursive: true,
      filter: (file) => !file.endsWith('.test.ts'),
    });
  }
  symlinkSync(path.join(root, 'node_modules'), path.join(folder, 'node_modules'));
  writeFileSync(path.join(folder, 'package.json'), '{"type":"module"}');
  return folder;
}

function apply(folder: string, { file, before, after }: Edit): void {
  const source = path.join(folder, 'edge/core', file);
  const parts = readFileSync(source, 'utf8').split(before);
  expect(parts, `"${before}" must be in ${file} once: has the code changed, so must the mutant`).toHaveLength(2);
  writeFileSync(source, parts.join(after));
}

/** What the search finds in a copy; null: nothing. */
async function search(folder: string): Promise<string | null> {
  const child = spawn(process.execPath, [path.join(folder, searcher)], {
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  onTestFinished(() => void child.kill());
  let [out, errors] = ['', ''];
  child.stdout.setEncoding('utf8').on('data', (text: string) => (out += text));
  child.stderr.setEncoding('utf8').on('data', (text: string) => (errors += text));
  const [code] = (await once(child, 'close')) as [number | null];
  expect({ code, errors }).toEqual({ code: 0, errors: '' });
  return (JSON.parse(out) as { readonly found: string | null }).found;
}

// A process each, of at most half a minute of one core.
describe('a small search', { timeout: 600_000 }, () => {
  test('finds nothing in the code as it is', async () => {
    expect(await search(copied())).toBeNull();
  });

  test.each(MUTANTS)('finds that $name', async ({ edits }) => {
    const folder = copied();
    for (const edit of edits) apply(folder, edit);
    expect(await search(folder)).toMatch(/^seed \d+, \d+ images: (?:Violation|Fault)/);
  });
});
