import path from 'node:path';
import { expect, test } from 'vitest';
import { realDisk } from '../../edge/core/disk.ts';
import { LogFolder } from '../../edge/core/kit/log-kit.ts';
import { StateFile } from '../../edge/core/progress/state-file.ts';
import { Erasures } from './erasures.ts';
import { MAX_ERASURES } from './limits.ts';

const what = { fromUs: 1, toUs: 2, upTo: { samples: 10 } };

test('an erasure that is asked for again is one, also when it has more tags by now; more of them than are kept are refused', () => {
  using folder = new LogFolder();
  const file = path.join(folder.data, 'erasures');
  let start = 0;
  const opened = (): Erasures => {
    const erasures = new Erasures(realDisk, file, () => start);
    erasures.open();
    return erasures;
  };
  const erasures = opened();
  for (const tags of [['a'], ['a', 'b'], ['b'], ['c', 'b', 'a']]) erasures.add({ tags, ...what });
  expect(opened().of('b', 'samples')).toEqual([{ tags: ['c', 'b', 'a'], ...what }]);
  // Another span.
  const many = Array.from({ length: MAX_ERASURES - 1 }, (_, i) => ({ tags: ['e'], ...what, fromUs: -i }));
  new StateFile({ disk: realDisk, file, consumer: 'questdb-erasures', remedy: '' }).write({ v: 1, erasures: many });
  const full = opened();
  full.add({ tags: ['d'], ...what });
  expect([full.of('d', 'samples').length, full.of('e', 'samples').length]).toEqual([1, MAX_ERASURES - 1]);
  const more = { tags: ['f'], ...what };
  expect(() => full.add(more)).toThrow('erasures are on record');
  // One of them again, with more tags, is no more.
  full.add({ tags: ['e', 'g'], ...what, fromUs: -2 });
  start = 10;
  full.add(more);
  expect([opened().of('f', 'samples').length, opened().of('d', 'samples').length]).toEqual([1, 0]);
});
