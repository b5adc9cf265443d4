import { expect, test } from 'vitest';
import type { KafkaClient } from '../kafka/client.ts';
import { Destination } from './destination.ts';

/** A broker that answers without an error and without sense: a real one cannot be made to. */
const senseless = {
  listOffset: () => Promise.resolve({ ok: true, offset: -1, timestampMs: -1, leaderEpoch: 0 }),
} as unknown as KafkaClient;

test('an end or a start below 0 is no answer: nothing may be written there', async () => {
  const destination = new Destination(senseless, 'x.samples', {
    timeoutMs: 1000,
    signal: new AbortController().signal,
  });
  const fault = { code: 'kafka-protocol', detail: 'x.samples has the offset -1.' };
  await expect(destination.end()).rejects.toMatchObject(fault);
  await expect(destination.start()).rejects.toMatchObject(fault);
});
