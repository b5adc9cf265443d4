import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { readCheckpoint, writeCheckpoint } from './checkpoint-file.ts';
import { realDisk } from './disk.ts';
import { Fault } from './fault.ts';
import { LogFolder } from './kit/log-kit.ts';

const topic = fc.stringMatching(/^[a-zA-Z0-9._-]{1,20}$/);
const entries = fc.uniqueArray(fc.tuple(topic, fc.maxSafeInteger().map(Math.abs)), {
  selector: ([name]) => name,
  maxLength: 6,
});

test('offsets come back, in their order', () => {
  using folder = new LogFolder();
  const file = `${folder.data}/checkpoint`;
  fc.assert(
    fc.property(entries, (list) => {
      writeCheckpoint(realDisk, file, new Map(list));
      expect([...readCheckpoint(realDisk, file)]).toEqual(list);
    }),
    { numRuns: 50 },
  );
});

test('a file that is not there has no offsets', () => {
  using folder = new LogFolder();
  expect(readCheckpoint(realDisk, `${folder.data}/none`).size).toBe(0);
});

test('any other text gives offsets or data-unreadable', () => {
  using folder = new LogFolder();
  realDisk.makeFolder(folder.log);
  const line = fc.oneof(fc.constantFrom('0', '1', '2', 'samples 0 5', 'events 0 -1', 'a 0 1e9', ''), fc.string());
  fc.assert(
    fc.property(fc.array(line, { maxLength: 6 }), (lines) => {
      folder.write('checkpoint', lines.join('\n'));
      let outcome: unknown = 'offsets';
      try {
        for (const offset of readCheckpoint(realDisk, `${folder.log}/checkpoint`).values())
          expect(Number.isSafeInteger(offset) && offset >= 0).toBe(true);
      } catch (error) {
        outcome = error instanceof Fault ? error.code : error;
      }
      expect(['offsets', 'data-unreadable']).toContain(outcome);
    }),
    { numRuns: 500 },
  );
});
