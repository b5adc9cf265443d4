import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { Fault } from '../core/fault.ts';
import type { AlarmDefinition, Evidence } from './alarm.ts';
import { type AlarmAction, AlarmBook } from './book.ts';
import type { AlarmState, OnReturn } from './state.ts';

const evidence: Evidence = { message: 'temperature is 81, above 80', value: 81, limit: 80, reasons: [] };

function definition(id: string, onReturn: OnReturn = 'latched'): AlarmDefinition {
  return {
    id,
    name: id,
    kind: 'limit',
    tag: 'mill/press1/temperature',
    asset: 'mill/press1',
    priority: 'high',
    onReturn,
  };
}

/** State after an action; undefined: it means nothing now. */
function acted(book: AlarmBook, action: AlarmAction, nowUs: number): AlarmState | undefined {
  try {
    return book.act('hot', action, nowUs).state;
  } catch (error) {
    if (error instanceof Fault && error.code === 'alarm-state') return undefined;
    throw error;
  }
}

function bookWith(onReturn: OnReturn = 'latched'): AlarmBook {
  const book = new AlarmBook();
  book.define(definition('hot', onReturn));
  return book;
}

const stateOf = (book: AlarmBook): string => book.standing()[0]?.state ?? 'NORM';

describe('an alarm', () => {
  test('is raised, acknowledged, and gone when it returns', () => {
    const book = bookWith();
    expect(book.condition('hot', true, 5, 9, evidence)).toMatchObject({
      transition: 'raised',
      state: 'UNACK',
      sinceUs: 5,
      atUs: 9,
      by: null,
    });
    expect(book.condition('hot', true, 6, 10, evidence)).toBeUndefined();
    expect(book.act('hot', { action: 'acknowledge', by: 'ann' }, 20)).toMatchObject({ state: 'ACKED', by: 'ann' });
    expect(book.condition('hot', false, 30, 31, evidence)).toMatchObject({ transition: 'returned', state: 'NORM' });
    expect(book.standing()).toEqual([]);
  });

  test('that returns before it was seen stays until somebody acknowledges it', () => {
    const book = bookWith();
    book.condition('hot', true, 5, 9, evidence);
    book.condition('hot', false, 6, 10, evidence);
    expect(stateOf(book)).toBe('RTNUN');
    book.condition('hot', true, 7, 11, evidence);
    expect(stateOf(book)).toBe('UNACK');
    book.condition('hot', false, 8, 12, evidence);
    book.act('hot', { action: 'acknowledge', by: 'ann' }, 20);
    expect(stateOf(book)).toBe('NORM');
  });

  test('that is not latched is gone when it returns', () => {
    const book = bookWith('normal');
    book.condition('hot', true, 5, 9, evidence);
    book.condition('hot', false, 6, 10, evidence);
    expect(stateOf(book)).toBe('NORM');
  });

  test('that is shelved comes back when its time is over, as the process is by then', () => {
    const book = bookWith();
    book.act('hot', { action: 'shelve', by: 'ann', untilUs: 100 }, 1);
    expect(book.condition('hot', true, 5, 9, evidence)).toBeUndefined();
    expect(stateOf(book)).toBe('SHLVD');
    expect(book.expire(99)).toEqual([]);
    expect(book.expire(100)).toMatchObject([{ transition: 'unshelved', state: 'UNACK', by: null }]);
    book.act('hot', { action: 'shelve', by: 'ann', untilUs: 200 }, 101);
    book.condition('hot', false, 150, 150, evidence);
    expect(book.act('hot', { action: 'unshelve', by: 'ann' }, 160)).toMatchObject({ state: 'NORM' });
  });

  test('refuses what means nothing in its state, and says so', () => {
    const book = bookWith();
    expect(() => book.act('hot', { action: 'acknowledge', by: 'ann' }, 1)).toThrow(/hot is NORM/);
    expect(() => book.act('hot', { action: 'unshelve', by: 'ann' }, 1)).toThrow(/hot is NORM/);
    expect(() => book.act('cold', { action: 'acknowledge', by: 'ann' }, 1)).toThrow(/cold/);
  });

  test('that an earlier run left standing returns at the first value that is back', () => {
    const before = bookWith();
    before.condition('hot', true, 5, 9, evidence);
    const book = bookWith();
    for (const alarm of before.standing()) book.restore(alarm.id, alarm);
    expect(book.standing()).toEqual(before.standing());
    expect(book.condition('hot', false, 30, 31, evidence)).toMatchObject({ transition: 'returned', state: 'RTNUN' });
  });

  test('is in the state that its last line of the journal says, whatever happens', () => {
    const action: fc.Arbitrary<AlarmAction | boolean> = fc.oneof(
      fc.boolean(),
      fc.constantFrom<AlarmAction>(
        { action: 'acknowledge', by: 'ann' },
        { action: 'shelve', by: 'ann', untilUs: 50 },
        { action: 'unshelve', by: 'ann' },
      ),
    );
    fc.assert(
      fc.property(
        fc.array(action, { maxLength: 60 }),
        fc.constantFrom<OnReturn>('latched', 'normal'),
        (steps, onReturn) => {
          const book = bookWith(onReturn);
          let last: AlarmState = 'NORM';
          for (const [i, step] of steps.entries()) {
            if (typeof step === 'boolean') last = book.condition('hot', step, i, i, evidence)?.state ?? last;
            else last = acted(book, step, i) ?? last;
            for (const line of book.expire(i)) last = line.state;
            expect(stateOf(book)).toBe(last);
          }
        },
      ),
    );
  });
});
