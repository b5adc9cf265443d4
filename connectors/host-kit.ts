import { onTestFinished, vi } from 'vitest';
import type { Batch, Connector, Message, RawValue, Reading, SourceEvent } from './contract.ts';

/** For tests: a host that reads a connector all the time. */
export interface HostRig {
  /** Everything that was read, in order. */
  readonly readings: Reading[];
  messages(): Message[];
  events(): SourceEvent[];
  /** All values of a tag, in order. */
  values(tag: string): RawValue[];
  /** Waits until there are so many values of a tag. */
  until(tag: string, count: number): Promise<RawValue[]>;
  /** While true (as at the beginning) each batch is acknowledged at once. */
  acknowledging: boolean;
  /** Acknowledges what was read and is not acknowledged. */
  acknowledge(): void;
  /** What ended the reading. */
  ended: unknown;
}

/** Opens a connector and reads it until the test ends; then it is closed. */
export async function startHost(connector: Connector): Promise<HostRig> {
  await connector.open(new AbortController().signal);
  const readings: Reading[] = [];
  const batches: Batch[] = [];
  const messages = (): Message[] => readings.filter((reading) => reading.type === 'message');
  const values = (tag: string): RawValue[] =>
    messages().flatMap((message) => message.values.filter((value) => value.tag === tag));
  const rig: HostRig = {
    readings,
    messages,
    events: () => readings.filter((reading) => reading.type === 'event'),
    values,
    async until(tag, count) {
      await vi.waitUntil(() => values(tag).length >= count, { timeout: 20_000, interval: 5 });
      return values(tag);
    },
    acknowledging: true,
    acknowledge: () => {
      for (const batch of batches.splice(0)) batch.acknowledge();
    },
    ended: undefined,
  };
  const host = (async (): Promise<void> => {
    for (;;) {
      const batch = await connector.read();
      readings.push(...batch.readings);
      batches.push(batch);
      if (rig.acknowledging) rig.acknowledge();
    }
  })().catch((error: unknown) => {
    rig.ended = error;
  });
  onTestFinished(async () => {
    await connector.close();
    await host;
  });
  return rig;
}
