import { cpSync, rmSync, truncateSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, test } from 'vitest';
import { CrashDisk, seeded } from '../edge/core/kit/crash-disk.ts';
import type { Disk } from '../edge/core/disk.ts';
import { surviveCrashes } from '../edge/core/progress/crash-kit.ts';
import { LogReader } from '../edge/core/reader.ts';
import { SampleKey } from '../edge/core/sample-key.ts';
import { TOPICS } from '../edge/core/topics.ts';
import { TracedDisk } from '../edge/core/kit/traced-disk.ts';
import { applyAll, batchOf, double, EVER, LOG, samplesOf, T0, TestFolder } from './kit/history-kit.ts';
import { NaiveLog } from './kit/naive-log.ts';
import type { HistoricSample } from './points/points.ts';
import { Store } from './store/store.ts';

/** More flushes than a tier has files, so that a merge is among the steps. */
const FLUSHES = 11;
const PER_FLUSH = 5;
/** Seeds of what a disk without power leaves; `MILLRACE_TEST_SEED` is the first of them. */
const FIRST_SEED = Number(process.env['MILLRACE_TEST_SEED'] ?? 1);
const SEEDS = process.env['MILLRACE_LONG'] === '1' ? 20 : 2;
/** What goes over seeds takes longer than other tests. */
const LIMIT_MS = 1_800_000;
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

/** The next life: erases every other second of one tag, in files and memory. */
async function eraseOn(disk: Disk, told: { recorded: boolean; done: boolean }): Promise<void> {
  const store = storeOn(disk, '/historian');
  store.open();
  await applyAll(store, batches);
  try {
    const erasure = store.erase({ tags: { paths: [TAGS[0] ?? ''] }, fromUs: T0, toUs: T0 + 6e6 });
    told.recorded = true;
    const done = store.erased(erasure);
    done.catch(() => undefined);
    await store.flush();
    await done;
    told.done = true;
  } finally {
    await store.close();
  }
}

/** The log with which files are mended: of the first of them it has a part only. */
function mendingLog(): NaiveLog {
  const log = new NaiveLog();
  for (const batch of batches) log.append('samples', batch, PER_FLUSH);
  log.first = PER_FLUSH + 2;
  return log;
}

/** Makes the file with the newest records one that cannot be opened, and gives its name. */
async function damageNewest(folder: string): Promise<string> {
  const store = storeOn(new TracedDisk(), folder);
  store.open();
  const { files } = store.manifest;
  await store.close();
  const newest = files.toSorted((a, b) => (a.offsets['samples']?.[0] ?? 0) - (b.offsets['samples']?.[0] ?? 0)).at(-1);
  const { name = '', bytes = 0 } = newest ?? {};
  truncateSync(path.join(folder, name), bytes - 1);
  return name;
}

/** Mends files on a disk that fails one call, then takes what has come since, or ends at once. True: no call failed. */
async function mend(work: 'repair' | 'rebuild', folder: string, step: number, goesOn: boolean): Promise<boolean> {
  const disk = new TracedDisk();
  const store = storeOn(disk, folder);
  store.open();
  expect(store.damaged).toHaveLength(1);
  let seen = 0;
  disk.before = () => {
    if (seen++ === step) throw new Error('crash');
  };
  await store[work](mendingLog()).catch(() => undefined);
  disk.before = undefined;
  if (goesOn) {
    await applyAll(store, batches.slice(FLUSHES));
    await store.flush();
    await store.settled();
  }
  await store.close();
  disk.closeAll();
  return seen <= step;
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

  test.each(['repair', 'rebuild'] as const)(
    'a disk that fails any one call of a %s and works again: each record is there once, or its file is named as damaged',
    async (work) => {
      using folder = new TestFolder();
      const probe = new TracedDisk();
      await live(probe, folder.file('whole'));
      probe.closeAll();
      const damaged = await damageNewest(folder.file('whole'));
      const ofOthers = everything.filter(
        (offset) => offset < (FLUSHES - 1) * PER_FLUSH || offset >= FLUSHES * PER_FLUSH,
      );
      let mended = 0;
      let told = 0;
      for (const goesOn of [true, false]) {
        for (let isWhole = false, step = 0; !isWhole; step++) {
          const historian = folder.file('copy');
          cpSync(folder.file('whole'), historian, { recursive: true });
          isWhole = await mend(work, historian, step, goesOn);
          const store = storeOn(new TracedDisk(), historian);
          store.open();
          const isMended = store.damaged.length === 0;
          const end = goesOn ? everything.length : FLUSHES * PER_FLUSH;
          const expected = (isMended ? everything : ofOthers).filter((offset) => offset < end);
          expect(offsetsOf(store), `call ${step}`).toEqual(expected);
          expect(store.damaged).toEqual(isMended ? [] : [damaged]);
          expect(isMended || !isWhole).toBe(true);
          if (isMended) mended++;
          else told++;
          await store.close();
          rmSync(historian, { recursive: true });
        }
      }
      expect([mended > 1, told > 10]).toEqual([true, true]);
    },
  );

  test(
    'power that fails at any call and leaves what it likes of what was not synced',
    async () => {
      const probe = new CrashDisk();
      await live(probe, '/historian');
      let calls = 0;
      for (let seed = FIRST_SEED; seed < FIRST_SEED + SEEDS; seed++) {
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
      expect(calls).toBeGreaterThan(150);
    },
    LIMIT_MS,
  );

  test('power that fails at any call of an erasure: it is on record or not, as it was told, and what is on record does not come back', async () => {
    const erased = everything.filter((offset) => offset % 2 === 0 && (offset * 7) % 13 < 6);
    const left = everything.filter((offset) => !erased.includes(offset));
    let [recorded, done, missed] = [0, 0, 0];
    const random = seeded(FIRST_SEED);
    const before = new CrashDisk();
    await live(before, '/historian');
    const image = before.image(() => 0);
    for (let failed = true, step = 0; failed; step++) {
      const disk = CrashDisk.of(image);
      const told = { recorded: false, done: false };
      disk.callsLeft = step;
      failed = await eraseOn(disk, told).then(
        () => false,
        () => true,
      );
      disk.crash(random);
      const store = storeOn(disk, '/historian');
      store.open();
      const isRecorded = store.manifest.lastErasure === 1;
      // Whoever was told that it is on record was told the truth.
      expect(isRecorded || !told.recorded).toBe(true);
      const isOut = store.manifest.files.every((file) => file.erased === 1);
      expect(isOut || !told.done).toBe(true);
      await applyAll(store, batches);
      expect(offsetsOf(store)).toEqual(isRecorded ? left : everything);
      await store.flush();
      await store.settled();
      expect(offsetsOf(store)).toEqual(isRecorded ? left : everything);
      expect(store.samples).toBe(everything.length);
      await store.close();
      if (isRecorded) recorded++;
      else missed++;
      if (told.done) done++;
    }
    expect([recorded > 10, missed > 3, done > 0]).toEqual([true, true, true]);
  });

  test(
    'the same over many lives: killed, stopped, without power, with the log on the same disk',
    async () => {
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
        { seeds: 4 * SEEDS, records: 40 },
      );
      expect(Math.min(...Object.values(counts))).toBeGreaterThan(4);
    },
    LIMIT_MS,
  );
});
