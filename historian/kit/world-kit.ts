import * as fc from 'fast-check';
import type { Sample } from '../../edge/core/sample.ts';
import { applyAll, batchOf, LOG, T0, type TestFolder } from './history-kit.ts';
import { NaiveHistorian } from './naive-historian.ts';
import { Store } from '../store/store.ts';

/** For tests: the tags and topics of a random historian. */
export const TAGS = ['northmill/a', 'northmill/Öl', 'northmill/b/c'];
const TOPICS = ['samples', 'samples.critical'];

/** A store of these topics, open. */
export function openStore(folder: TestFolder): Store {
  const store = new Store({ folder: folder.file('historian'), log: LOG });
  store.open();
  for (const topic of TOPICS) store.progress(topic);
  return store;
}

/** What happens to a historian: batches of a topic, flushes, crashes (what was not flushed comes again from the log). */
export type Step =
  | {
      readonly type: 'batch';
      readonly topic: string;
      readonly samples: readonly { readonly tag: string; readonly sample: Sample }[];
      readonly timestampMs: number;
    }
  | { readonly type: 'flush' }
  | { readonly type: 'crash' };

/** Steps with batches of such samples. */
export function anyStep(sample: fc.Arbitrary<Sample>): fc.Arbitrary<Step> {
  return fc.oneof(
    {
      weight: 4,
      arbitrary: fc.record({
        type: fc.constant('batch' as const),
        topic: fc.constantFrom('samples', 'samples', 'samples', 'samples.critical'),
        samples: fc.array(fc.record({ tag: fc.constantFrom(...TAGS), sample }), { minLength: 1, maxLength: 20 }),
        timestampMs: fc.nat(50).map((step) => T0 / 1000 + step),
      }),
    },
    { weight: 4, arbitrary: fc.record({ type: fc.constant('flush' as const) }) },
    { weight: 1, arbitrary: fc.record({ type: fc.constant('crash' as const) }) },
  );
}

/** A historian to which things happen, and the list that it is compared with. */
export class World {
  store: Store;
  readonly naive = new NaiveHistorian(TOPICS);
  merges = 0;
  private readonly folder: TestFolder;
  private readonly log = new Map<string, Uint8Array[]>();
  private readonly ends = new Map<string, number>();

  constructor(folder: TestFolder) {
    this.folder = folder;
    this.store = openStore(folder);
  }

  async take(step: Step): Promise<void> {
    if (step.type === 'flush') {
      const before = this.store.manifest.files.length;
      await this.store.flush();
      await this.store.settled();
      if (this.store.manifest.files.length < before) this.merges++;
      return;
    }
    if (step.type === 'crash') {
      await this.store.close();
      this.store = openStore(this.folder);
      for (const [topic, batches] of this.log) await applyAll(this.store, batches, topic);
      return;
    }
    const { topic, samples, timestampMs } = step;
    const base = this.ends.get(topic) ?? 0;
    const batch = batchOf(samples, base, timestampMs);
    for (const [i, tagged] of samples.entries()) this.naive.add(topic, base + i, timestampMs, tagged);
    this.ends.set(topic, base + samples.length);
    this.log.set(topic, [...(this.log.get(topic) ?? []), batch]);
    await applyAll(this.store, [batch], topic);
  }
}
