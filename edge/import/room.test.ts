import { expect, test } from 'vitest';
import { checkConfig } from '../config/check.ts';
import { roomFor } from './room.ts';

const MIB = 1_048_576;

function config(more = '') {
  const { config: checked, problems } = checkConfig(`version: 1\nsite: plant\n${more}`, 'millrace.yaml', '/');
  if (checked === undefined) throw new Error(JSON.stringify(problems));
  return checked;
}

test('it is said how long log and historian keep what is imported, both from the import on', () => {
  const room = { freeBytes: 1000 * MIB, limitBytes: 1000 * MIB, bytes: 0 };
  const { notes, problem } = roomFor(1000, room, config('log: { topics: { samples: { retention: 14d } } }\n'));
  expect(problem).toBeUndefined();
  expect(notes).toEqual([
    'The log keeps these samples 14 d from now on (by the time of the import, not their own); the historian keeps them 400 d from now on.',
  ]);
  const [forEver] = roomFor(1000, room, config('historian: { retention: forever }\n')).notes;
  expect(forEver).toContain('as long as its budget lasts');
  expect(forEver).toContain('the historian keeps them for ever');
});

test('a log that is too small is said, a disk that is too small is a reason not to begin', () => {
  const samples = MIB;
  const small = roomFor(samples, { freeBytes: 1000 * MIB, limitBytes: 30 * MIB, bytes: 20 * MIB }, config());
  expect(small.problem).toBeUndefined();
  expect(small.notes[1]).toContain('about 24 MiB of the log, which has 10 MiB left of its budget');
  const full = roomFor(samples, { freeBytes: 31 * MIB, limitBytes: 1000 * MIB, bytes: 0 }, config());
  expect(full.problem).toBe('It takes about 32 MiB; the disk has 31 MiB free.');
});
