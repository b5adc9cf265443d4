import { expect, test } from 'vitest';
import { Turns } from './turns.ts';

test('steps of one key run one after the other in order, also behind one that fails; other keys do not wait', async () => {
  const turns = new Turns();
  const ran: string[] = [];
  const gate = Promise.withResolvers<void>();
  const first = turns.take('a', async () => {
    await gate.promise;
    ran.push('a1');
    throw new Error('a1 failed');
  });
  const second = turns.take('a', async () => ran.push('a2'));
  const third = turns.take('a', async () => ran.push('a3'));
  await turns.take('b', async () => ran.push('b1'));
  expect(ran).toEqual(['b1']);
  gate.resolve();
  await expect(first).rejects.toThrow('a1 failed');
  await Promise.all([second, third]);
  expect(ran).toEqual(['b1', 'a1', 'a2', 'a3']);
});
