import { describe, expect, test } from 'vitest';
import { textLine } from './logger.ts';
import { table } from './output.ts';

describe('a table', () => {
  test('has text to the left and numbers to the right', () => {
    const rows = [
      ['samples', 1_234_567, 'ok'],
      ['a', 5, ''],
    ];
    expect(table(['topic', 'end', ''], rows)).toBe('topic          end\nsamples  1,234,567  ok\na                5\n');
  });

  test('does not do on a terminal what its texts say', () => {
    expect(table(['name'], [['a\u001b[2Jb\nc']])).toBe('name\na\\x1b[2Jb\\x0ac\n');
  });

  test('without rows is its header', () => {
    expect(table(['topic', 'end'], [])).toBe('topic  end\n');
  });
});

describe('a line of the log as text', () => {
  const time = Date.UTC(2026, 2, 1, 12, 0, 0, 5);

  test('has time, level, message and what else there is', () => {
    const line = JSON.stringify({ level: 40, time, pid: 1, hostname: 'gw', connector: 'floor', tries: 3, msg: 'down' });
    expect(textLine(line)).toBe('12:00:00.005 WARN  down connector=floor tries=3\n');
  });

  test('has the stack of an error below it', () => {
    const line = JSON.stringify({ level: 50, time, err: { message: 'x', stack: 'Error: x\n    at y' }, msg: 'failed' });
    expect(textLine(line)).toBe('12:00:00.005 ERROR failed\nError: x\n    at y\n');
  });
});
