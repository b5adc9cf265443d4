import { expect, test } from 'vitest';
import { kafkaError } from '../kafka/errors.ts';
import { faultOf, isPassing, valuesOf } from './answers.ts';

test.each([
  ['a leader that moves', 6, 'kafka-busy', true],
  ['a failure inside the broker', -1, 'kafka-busy', true],
  ['a missing right', 29, 'kafka-refused', false],
  ['a record whose time the topic refuses', 32, 'kafka-refused', false],
  ['a code that nobody knows yet', 9999, 'kafka-refused', false],
])('%s (%d) is %s; whether it passes: %s', (_, code, expected, passes) => {
  const fault = faultOf(kafkaError(code), 'Writing');
  expect([fault.code, isPassing(fault)]).toEqual([expected, passes]);
});

test('a fault says what was done, the name of the error and what the broker said beside it', () => {
  expect(faultOf(kafkaError(32, 'too old'), 'Writing offset 7').detail).toBe(
    'Writing offset 7: INVALID_TIMESTAMP: too old.',
  );
});

test('values of an answer are given, its error is thrown', () => {
  expect(valuesOf({ ok: true, offset: 7 }, 'Reading')).toEqual({ ok: true, offset: 7 });
  expect(() => valuesOf({ ok: false, error: kafkaError(29) }, 'Reading')).toThrow('TOPIC_AUTHORIZATION_FAILED');
});
