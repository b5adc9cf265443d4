import { expect, test } from 'vitest';
import type { RepackState } from '../core/repack/repacking.ts';
import { RepackWatch } from './repack-watch.ts';

test('segments that could not be repacked, and a worker that ended, are told once each', () => {
  const state: RepackState = { segments: 0, savedBytes: 0, failed: 0, fault: undefined };
  const said: object[] = [];
  const watch = new RepackWatch(state, { warn: (members) => said.push(members) });
  watch.look();
  expect(said).toEqual([]);
  state.segments = 5;
  state.failed = 2;
  for (let looks = 0; looks < 2; looks++) watch.look();
  state.failed = 3;
  for (let looks = 0; looks < 2; looks++) watch.look();
  state.fault = { code: 'worker-failed', detail: 'repack: exit code 1' };
  for (let looks = 0; looks < 2; looks++) watch.look();
  expect(said).toEqual([{ segments: 2 }, { segments: 1 }, { fault: 'worker-failed', detail: 'repack: exit code 1' }]);
});
