import { expect, test } from 'vitest';
import { PacedSave } from './paced-save.ts';

/** Snapshots whose writing takes `takesMs` and fails while `full`. */
function rig(takesMs: number) {
  const state = { nowMs: 0, saved: 0, full: false, said: [] as string[] };
  const book = {
    save() {
      state.nowMs += takesMs;
      if (state.full) throw new Error('ENOSPC');
      state.saved++;
    },
  };
  const logger = { error: (text: string) => void state.said.push(text) };
  return { state, snapshots: new PacedSave('ledger snapshot', book, { monotonicMs: () => state.nowMs }, logger) };
}

test('a snapshot that took 100 ms is followed by 5 s without one', () => {
  const { state, snapshots } = rig(100);
  snapshots.saveIfDue();
  state.nowMs = 5099;
  snapshots.saveIfDue();
  expect(state.saved).toBe(1);
  state.nowMs = 5100;
  snapshots.saveIfDue();
  expect(state.saved).toBe(2);
});

test('a disk that is full is told once, and again when it is full again', () => {
  const { state, snapshots } = rig(0);
  for (state.full of [true, true, false, true]) snapshots.saveIfDue();
  expect(state).toMatchObject({
    saved: 1,
    said: ['ledger snapshot, tried again: ENOSPC', 'ledger snapshot, tried again: ENOSPC'],
  });
});
