import { expect, test } from 'vitest';
import type { VerifyProgress, VerifyResult } from '../../sync/link/verify.ts';
import { Fault } from '../core/fault.ts';
import { linkView, verifySteps } from './link-views.ts';
import type { VerifyStep } from './services.ts';

const same: VerifyResult = {
  topic: 'samples',
  destination: 'plant.samples',
  from: 0,
  to: 10,
  compared: 10,
  unknown: 0,
  erased: 0,
  equal: true,
  firstDifference: undefined,
  missing: 0,
  surplus: 0,
};
const halfway: VerifyProgress = { topic: 'samples', from: 100, at: 150, to: 200 };

async function collect(steps: AsyncIterable<VerifyStep>): Promise<VerifyStep[]> {
  const all: VerifyStep[] = [];
  for await (const step of steps) all.push(step);
  return all;
}

test('progress comes before the result', async () => {
  const told = Promise.withResolvers<void>();
  const steps = verifySteps(async (_signal, onProgress) => {
    onProgress(halfway);
    await told.promise;
    return [same];
  }, new AbortController().signal);
  const first = await steps.next();
  expect(first.value).toEqual({ type: 'progress', topic: 'samples', compared: 50, total: 100 });
  told.resolve();
  const topic = {
    topic: 'samples',
    destination: 'plant.samples',
    from: 0,
    compared: 10,
    unknown: 0,
    erased: 0,
    different: 0,
    missing: 0,
    extra: 0,
  };
  expect(await collect(steps)).toEqual([{ type: 'result', equal: true, topics: [{ ...topic, examples: [] }] }]);
});

test.each([
  ['a difference', { equal: false, firstDifference: { offset: 7, field: 'value' as const } }, ['record 7: value']],
  ['records still to come', { missing: 3 }, []],
])('%s makes the ends differ', async (_name, change, examples) => {
  const [result] = await collect(
    verifySteps(() => Promise.resolve([{ ...same, ...change }]), new AbortController().signal),
  );
  expect(result).toMatchObject({ type: 'result', equal: false, topics: [{ examples }] });
});

test('a fault ends the steps', async () => {
  const steps = verifySteps(
    () => Promise.reject(new Fault('kafka-unreachable', 'k:9092')),
    new AbortController().signal,
  );
  await expect(collect(steps)).rejects.toMatchObject({ code: 'kafka-unreachable' });
});

test('the comparison ends when nobody wants more steps', async () => {
  let ended = false;
  const steps = verifySteps((signal, onProgress) => {
    onProgress(halfway);
    return new Promise((_resolve, reject) => {
      signal.addEventListener('abort', () => {
        ended = true;
        reject(new Error('aborted'));
      });
    });
  }, new AbortController().signal);
  await steps.next();
  await steps.return(undefined);
  expect(ended).toBe(true);
});

test('a link shows what it waits for, and what it does not know as null', () => {
  const unknown = { mirrored: undefined, lastError: undefined, topicId: undefined };
  const topic = { topic: 'samples', destination: 'plant.samples', state: 'connecting' as const, detail: 'k:9092' };
  const view = linkView({
    name: 'cloud',
    state: 'connecting',
    detail: 'k:9092',
    brokers: ['k:9092'],
    lagRecords: 10,
    topics: [{ ...topic, warnings: [], sourceEnd: 10, lagRecords: 10, ...unknown }],
  });
  expect(view).toEqual({
    name: 'cloud',
    state: 'connecting',
    detail: 'k:9092',
    brokers: ['k:9092'],
    topics: [{ ...topic, warnings: [], end: 10, mirrored: null, lag: null }],
  });
});
