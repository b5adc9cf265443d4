import { expect, test } from 'vitest';
import { Fault } from '../../edge/core/fault.ts';
import { waitFor } from '../../test/services/wait.ts';
import { Deadline } from './deadline.ts';

const never = new Promise<never>(() => undefined);
const forever = new AbortController().signal;

test('the steps of a call share its time; when there is none left, the call gives up and says on what', async () => {
  const deadline = new Deadline({ timeoutMs: 60, signal: forever }, 'the leader of samples');
  expect(deadline.step(20).timeoutMs).toBe(20);
  expect(deadline.step().timeoutMs).toBeLessThanOrEqual(60);
  await expect(deadline.wait(never)).rejects.toThrow('Gave up: the leader of samples.');
  await waitFor('the end of its time', () => {
    try {
      deadline.leftMs();
      return false;
    } catch (error) {
      return error instanceof Fault && error.code === 'kafka-timeout';
    }
  });
});

test('an aborted call ends with the reason of its signal, at whatever step', async () => {
  const controller = new AbortController();
  const deadline = new Deadline({ timeoutMs: 60_000, signal: controller.signal }, 'anything');
  const waiting = deadline.wait(never);
  const reason = new Error('enough');
  controller.abort(reason);
  await expect(waiting).rejects.toBe(reason);
  await expect(deadline.wait(never)).rejects.toBe(reason);
  expect(() => deadline.step()).toThrow(reason);
});

test('shared work that fails after a call gave up troubles nobody', async () => {
  const rejections: unknown[] = [];
  const onRejection = (error: unknown): unknown => rejections.push(error);
  process.on('unhandledRejection', onRejection);
  const shared = Promise.withResolvers<never>();
  const deadline = new Deadline({ timeoutMs: 1000, signal: AbortSignal.abort(new Error('enough')) }, 'anything');
  await expect(deadline.wait(shared.promise)).rejects.toThrow('enough');
  shared.reject(new Error('late'));
  await new Promise((resolve) => {
    setImmediate(resolve);
  });
  process.off('unhandledRejection', onRejection);
  expect(rejections).toEqual([]);
});
