import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { expect, test } from 'vitest';
import { mostResidentMb } from './process-usage.ts';

const MB = 1e6;

test('most memory is that of the program, and not of the process that started it', async () => {
  const large = Buffer.alloc(400 * MB, 1);
  expect(mostResidentMb()).toBeGreaterThan(400);
  const script = new URL('./process-usage.ts', import.meta.url).href;
  const program = `const { mostResidentMb } = await import(${JSON.stringify(script)}); const had = Buffer.alloc(50e6, 1); console.log(mostResidentMb(), had.length)`;
  const { stdout } = await promisify(execFile)(process.execPath, ['--input-type=module', '-e', program]);
  const [most = 0] = stdout.split(' ').map(Number);
  expect(most).toBeGreaterThan(80);
  expect(most).toBeLessThan(300);
  expect(large.length).toBe(400 * MB);
});
