import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { expect, test } from 'vitest';
import { RefusalFile } from './refusals.ts';

const refusal = (line: number) => ({
  file: 'x.csv',
  line,
  name: 'a, b',
  text: '"1',
  reason: 'wrong-type' as const,
  detail: 'no number',
});

test('the file appears with the first refusal, and goes on behind what stood there when the import was ended', () => {
  const folder = mkdtempSync(path.join(tmpdir(), 'millrace-refusals-'));
  try {
    const name = path.join(folder, 'refused.csv');
    const file = new RefusalFile(name, 0);
    file.open();
    file.write(file.take());
    expect(existsSync(name)).toBe(false);
    file.add(refusal(7));
    file.write(file.take());
    const { bytes } = file;
    const once = 'file,line,name,reason,detail,text\nx.csv,7,"a, b",wrong-type,no number,"""1"\n';
    expect(readFileSync(name, 'utf8')).toBe(once);
    // Written, but the position that it belongs to was not: it comes again.
    file.add(refusal(8));
    file.write(file.take());
    const again = new RefusalFile(name, bytes);
    again.open();
    expect(readFileSync(name, 'utf8')).toBe(once);
    again.add(refusal(8));
    again.write(again.take());
    expect(readFileSync(name, 'utf8').split('\n').slice(2, -1)).toEqual(['x.csv,8,"a, b",wrong-type,no number,"""1"']);
    expect(() => new RefusalFile(path.join(folder, 'gone', 'x.csv'), 1).open()).toThrow('cannot be written');
  } finally {
    rmSync(folder, { recursive: true });
  }
});
