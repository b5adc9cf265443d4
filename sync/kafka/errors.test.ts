import { expect, test } from 'vitest';
import { ErrorCode, isCoordinatorMoved, isFenced, isLeaderMoved, kafkaError } from './errors.ts';

test('a code has the name that we use for it, and Kafka its own for the others', () => {
  for (const [name, code] of Object.entries(ErrorCode)) expect(kafkaError(code).name).toBe(name);
  expect(kafkaError(-1).name).toBe('UNKNOWN_SERVER_ERROR');
  expect(kafkaError(0).name).toBe('NONE');
  expect(kafkaError(7).name).toBe('REQUEST_TIMED_OUT');
  expect(kafkaError(133).name).toBe('SHARE_SESSION_LIMIT_REACHED');
});

test('a code that is newer than the table is not retriable and keeps its number', () => {
  expect(kafkaError(9999, 'something new')).toEqual({
    code: 9999,
    name: 'UNKNOWN_9999',
    retriable: false,
    message: 'something new',
  });
  expect(kafkaError(-2).name).toBe('UNKNOWN_-2');
});

test('what passes by itself is retriable, what does not is not', () => {
  for (const code of [3, 5, 6, 7, 14, 15, 16, 19, 20, 51, 56]) expect(kafkaError(code).retriable).toBe(true);
  for (const code of [-1, 1, 10, 29, 32, 35, 36, 45, 47, 87, 90]) expect(kafkaError(code).retriable).toBe(false);
});

test('moved leaders, moved coordinators and fenced owners are told apart', () => {
  expect([3, 5, 6, 9, 15, 16, 45, 47, 74, 90].filter(isLeaderMoved)).toEqual([3, 5, 6, 9, 74]);
  expect([3, 6, 14, 15, 16, 47].filter(isCoordinatorMoved)).toEqual([15, 16]);
  expect([16, 45, 46, 47, 51, 90].filter(isFenced)).toEqual([47, 90]);
});
