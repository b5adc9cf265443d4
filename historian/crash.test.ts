import { rmSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { CrashDisk, seeded } from '../edge/core/kit/crash-disk.ts';
import type { Disk } from '../edge/core/disk.ts';
import { surviveCrashes } from '../edge/core/progress/crash-kit.ts';
import { LogReader } from '../edge/core/reader.ts';
import { SampleKey } from '../edge/core/sample-key.ts';
import { TOPICS } from '../edge/core/topics.ts';
import { TracedDisk } from '../edge/core/kit/traced-disk.ts';
import { applyAll, batchOf, double, EVER, LOG, samplesOf, TestFolder } from './history-kit.ts';
import type { HistoricSample } from './points.ts';
import { Store } from './store.ts';

/** More flushes than a tier has files, so that a merge is among the steps. */
const FLUSHES = 11;
const PER_FLUSH = 5;
const TAGS = ['northmill/a', 'northmill/b'];

/** The log of these tests: late and equal times, two tags. */
const batches = Array.from({ length: FLUSHES + 1 }, (_batch, flush) =>
  batchOf(
    Array.from({ length: PER_FLUSH }, (_sample, i) => {
      const offset = flush * PER_FLUSH + i;
      return double(TAGS[offset % 2] ?? '', (offset * 7) % 13, offset);
    }),
    flush * PER_FLUSH,
  ),
);

function isBefore(a: HistoricSample, b: HistoricSample): boolean {
  return a.timeUs < b.timeUs || (a.timeUs === b.timeUs && a.offset < b.offset);
}

/** Offsets of all samples of both tags, and whether each tag is in order. */
function offsetsOf(store: Store): number[] {
  return TAGS.flatMap((tag) => {
    const samples = samplesOf(store, { tag, ...EVER });
    expect(samples.slice(1).every((sample, i) => isBefore(samples[i] ?? sample, sample))).toBe(true);
    return samples.map(({ offset }) => offset);
  }).toSorted((a, b) => a - b);
}

const everything = Array.from({ length: batches.length * PER_FLUSH }, (_, i) => i);

function storeOn(disk: Disk, folder: string): Store {
  return new Store({ folder, log: LOG, disk, report: () => undefined });
}

/** A gateway's life: opens, takes the log from where it was, flushes after each batch. Throws where the disk fails. */
async function live(disk: Disk, folder: string): Promise<void> {
  const store = storeOn(disk, folder);
  store.open();
  for (const batch of batches.slice(0, FLUSHES)) {
    await applyAll(store, [batch]);
    await store.flush();
    await store.settled();
    if (store.failed !== undefined) throw store.failed;
  }
}

/** Opens what was left and replays the log: every record must be there once. */
async function recover(disk: Disk, folder: string): Promise<number> {
  const store = storeOn(disk, folder);
  store.open();
  expect(store.damaged).toEqual([]);
  const saved = store.savedPosition('samples');
  expect(offsetsOf(store)).toEqual(everything.slice(0, saved));
  await applyAll(store, batches);
  expect(offsetsOf(store)).toEqual(everything);
  await store.flush();
  await store.settled();
  expect(offsetsOf(store)).toEqual(everything);
  expect(store.samples).toBe(everything.length);
  await store.close();
  return saved;
}

describe('exactly once', () => {
  test('a disk that fails at any one call and for ever after, over flushes and a merge; then the same files', async () => {
    using folder = new TestFolder();
    const whole = new TracedDisk();
    await live(whole, folder.file('whole'));
    whole.closeAll();
    const calls = whole.calls.length;
    expect(calls).toBeGreaterThan(100);
    expect(whole.calls.filter(({ op }) => op === 'unlink').length).toBeGreaterThan(8);

    const savedAt = new Set<number>();
    for (let step = 0; step < calls; step++) {
      const disk = new TracedDisk();
      disk.before = () => {
        if (disk.calls.length >= step) throw new Error('crash');
      };
      const historian = folder.file(`${step}`);
      await expect(live(disk, historian), `call ${step}`).rejects.toThrow('crash');
      disk.closeAll();
      savedAt.add(await recover(new TracedDisk(), historian));
      rmSync(historian, { recursive: true, force: true });
    }
    // The crash came at every stage: before the first flush and after each of them.
    expect([...savedAt].toSorted((a, b) => a - b)).toEqual(
      Array.from({ length: FLUSHES + 1 }, (_, i) => i * PER_FLUSH),
    );
  });

  test('a disk that fails one call and works again: nothing that a manifest may name is removed', async () => {
    using folder = new TestFolder();
    const probe = new TracedDisk();
    await live(probe, folder.file('whole'));
    probe.closeAll();
    let fatal = 0;
    for (let step = 0; step < probe.calls.length; step++) {
      const disk = new TracedDisk();
      let seen = 0;
      disk.before = () => {
        if (seen++ === step) throw new Error('crash');
      };
      const historian = folder.file(`${step}`);
      await live(disk, historian).catch(() => fatal++);
      disk.closeAll();
      await recover(new TracedDisk(), historian);
      rmSync(historian, { recursive: true, force: true });
    }
    // A merge that fails before its manifest does not stop the store.
    expect(fatal).toBeGreaterThan(80);
    expect(fatal).toBeLessThan(probe.calls.length);
  });

  test('power that fails at any call and leaves what it likes of what was not synced', async () => {
    const probe = new CrashDisk();
    await live(probe, '/historian');
    let calls = 0;
    for (const seed of [1, 2]) {
      const random = seeded(seed);
      for (let failed = true, step = 0; failed; step++) {
        const disk = new CrashDisk();
        disk.callsLeft = step;
        failed = await live(disk, '/historian').then(
          () => false,
          () => true,
        );
        if (!failed) disk.callsLeft = Number.POSITIVE_INFINITY;
        disk.crash(random);
        const saved = await recover(disk, '/historian');
        expect(failed || saved === FLUSHES * PER_FLUSH).toBe(true);
        calls = step;
      }
    }
    expect(calls).toBeGreaterThan(200);
  });

  test('the same over many lives: killed, stopped, without power, with the log on the same disk', async () => {
    const counts = await surviveCrashes(
      {
        topics: TOPICS,
        input: 'samples',
        encode(encoder, i, random) {
          const { tag, sample } = double(TAGS[random(2)] ?? '', random(13), i);
          encoder.addSample(SampleKey.of(tag), sample);
        },
        start({ disk, logFolder, ends }) {
          const store = storeOn(disk, '/data/historian');
          store.open();
          const reader = new LogReader({ logFolder, topic: 'samples', ends, disk });
          reader.seek(store.progress('samples').position);
          const save = async (): Promise<void> => {
            await store.flush();
            await store.settled();
            if (store.failed !== undefined) throw store.failed;
          };
          return {
            async work() {
              for (let read = reader.read(); read.kind === 'data'; read = reader.read())
                await applyAll(store, [read.bytes]);
            },
            save,
            saved: () => store.savedPosition('samples'),
            output: () => offsetsOf(store).map(String),
            stop: save,
            kill: () => undefined,
          };
        },
      },
      { seeds: 8, records: 40 },
    );
    expect(Math.min(...Object.values(counts))).toBeGreaterThan(4);
  });
});
