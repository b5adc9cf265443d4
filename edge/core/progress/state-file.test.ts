import * as fc from 'fast-check';
import { beforeEach, describe, expect, test } from 'vitest';
import { CrashDisk } from '../kit/crash-disk.ts';
import { readFile } from '../disk.ts';
import { Fault } from '../fault.ts';
import { StateFile, type StateFileOptions } from './state-file.ts';

const FILE = '/data/ledger.json';

let disk: CrashDisk;

beforeEach(() => {
  disk = new CrashDisk();
  disk.makeFolder('/data');
});

function stateFile(members: Partial<StateFileOptions> = {}): StateFile {
  return new StateFile({ disk, file: FILE, consumer: 'ledger', remedy: 'Move it away.', ...members });
}

/** Replaces the bytes of the file, as somebody else would. */
function put(content: Uint8Array | string): void {
  const fd = disk.open(FILE, 'w');
  disk.write(fd, [typeof content === 'string' ? new TextEncoder().encode(content) : content], 0);
  disk.close(fd);
}

function bytes(): Uint8Array {
  return readFile(disk, FILE) ?? new Uint8Array(0);
}

/** What reading gives: the content, or the code of the fault. */
function outcome(file: StateFile): unknown {
  try {
    return { content: file.read() };
  } catch (error) {
    return error instanceof Fault ? error.code : error;
  }
}

test('gives back what was written last, or undefined where nothing was', () => {
  const file = stateFile();
  expect(file.read()).toBeUndefined();
  fc.assert(
    fc.property(fc.jsonValue(), (content) => {
      file.write(content);
      expect(stateFile().read()).toEqual(JSON.parse(JSON.stringify(content)));
    }),
  );
});

test('is text: a header and one line of JSON', () => {
  stateFile().write({ sum: 5 });
  expect(new TextDecoder().decode(bytes())).toMatch(/^millrace-state 1 ledger 10 [0-9a-f]{8}\n\{"sum":5\}\n$/);
});

describe('damage', () => {
  test('is told, whichever bit differs and wherever the file ends', () => {
    stateFile().write({ sum: 5, rows: ['northmill/Öl', 'x'.repeat(600)] });
    const whole = bytes().slice();
    for (let at = 0; at < whole.length; at++) {
      put(whole.subarray(0, at));
      expect(outcome(stateFile()), `cut at ${at}`).toBe('state-damaged');
      for (const bit of [0, 5, 7]) {
        put(whole.map((byte, i) => (i === at ? byte ^ (1 << bit) : byte)));
        expect(outcome(stateFile({ bare: true })), `bit ${bit} of byte ${at}`).toBe('state-damaged');
      }
    }
    put(Buffer.concat([whole, Buffer.from(' ')]));
    expect(outcome(stateFile())).toBe('state-damaged');
    put(whole);
    expect(outcome(stateFile())).toHaveProperty('content');
  });

  test('is a fault with the name of the file, what is wrong, and what helps; any other bytes give it too', () => {
    put('');
    expect(() => stateFile().read()).toThrow(/\/data\/ledger.json has no header\. Move it away\./);
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 300 }), (garbage) => {
        put(garbage);
        expect(outcome(stateFile())).toBe('state-damaged');
      }),
    );
  });

  test('is what another consumer wrote', () => {
    stateFile({ consumer: 'cursor' }).write({});
    expect(() => stateFile().read()).toThrow('is of cursor, not of ledger');
  });
});

test('a file from before there were headers is read where that is asked for, and nowhere else', () => {
  put('{"v":1}');
  expect(stateFile({ bare: true }).read()).toEqual({ v: 1 });
  expect(outcome(stateFile())).toBe('state-damaged');
  put('{"v":1');
  expect(outcome(stateFile({ bare: true }))).toBe('state-damaged');
});
