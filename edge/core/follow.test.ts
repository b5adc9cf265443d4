import { afterEach, beforeEach, expect, test } from 'vitest';
import { follow } from './follow.ts';
import { LogFolder, numbered, type OpenLog } from './kit/log-kit.ts';

let folder: LogFolder;
const ending: AbortController[] = [];

beforeEach(() => {
  folder = new LogFolder();
});

afterEach(() => {
  for (const one of ending.splice(0)) one.abort();
  folder[Symbol.dispose]();
});

/** Follows topics and gathers what comes: the offset of each record and each gap, by topic. */
function following(
  { ends }: OpenLog,
  from: Readonly<Record<string, number>>,
  visit = (_offset: number, _end: AbortController): void => {},
) {
  const end = new AbortController();
  ending.push(end);
  const seen: Record<string, (number | string)[]> = {};
  const ended = follow(
    {
      logFolder: folder.log,
      ends,
      from,
      visit(topic, cursor) {
        visit(cursor.offset, end);
        (seen[topic] ??= []).push(cursor.offset);
      },
      onGap: (topic, first, last, reason) => (seen[topic] ??= []).push(`${reason} ${first}-${last}`),
    },
    end.signal,
  );
  // Each test says what it expects of it.
  ended.catch(() => undefined);
  return { seen, ended, end };
}

function never(): never {
  throw new Error('visited');
}

function range(first: number, end: number): number[] {
  return Array.from({ length: end - first }, (_, i) => first + i);
}

test('every record comes once, in order, over rolls of segments, from any first offset, and on as they are written', async () => {
  const log = folder.fill();
  expect(folder.segments().length).toBeGreaterThan(3);
  for (const from of [0, 1, 9, 17, log.end - 1, log.end]) {
    const { seen, end, ended } = following(log, { samples: from });
    const before = log.ends.end('samples');
    log.append(before, 5);
    log.ends.notify();
    await expect.poll(() => seen['samples']?.at(-1)).toBe(before + 4);
    log.append(before + 5, 1);
    log.ends.notify();
    await expect.poll(() => seen['samples']).toEqual(range(from, before + 6));
    end.abort();
    await ended;
  }
  log.writer.close();
});

test('a gap is told at its place', async () => {
  const filled = folder.fill();
  filled.writer.close();
  const [, second = 0, third = 0] = folder.segments();
  folder.damage(second, (bytes) => {
    bytes.fill(0x55, 100, bytes.length - 100);
  });
  const log = folder.open();
  const { seen } = following(log, { samples: 0 });
  await expect.poll(() => seen['samples']?.at(-1)).toBe(log.ends.end('samples') - 1);
  const gaps = seen['samples']?.filter((one) => typeof one === 'string') ?? [];
  expect(gaps.length).toBeGreaterThan(0);
  for (const gap of gaps) {
    const [, first = 0, last = 0] = /^damage (\d+)-(\d+)$/.exec(gap)?.map(Number) ?? [];
    expect(first).toBeGreaterThanOrEqual(second);
    expect(last).toBeLessThan(third);
    const at = seen['samples']?.indexOf(gap) ?? 0;
    expect(seen['samples']?.slice(at - 1, at + 2)).toEqual([first - 1, gap, last + 1]);
  }
  log.writer.close();
});

test('several topics are followed side by side', async () => {
  const log = folder.open({ topics: ['samples', 'derived'] });
  log.writer.append([{ topic: 'derived', batch: numbered(0, 2), records: 2 }]);
  const { seen } = following(log, { samples: 0, derived: 2 });
  log.writer.append([
    { topic: 'derived', batch: numbered(2, 2), records: 2 },
    { topic: 'samples', batch: numbered(0, 2), records: 2 },
  ]);
  log.ends.notify();
  await expect.poll(() => seen).toEqual({ samples: [0, 1], derived: [2, 3] });
  log.writer.close();
});

test('no wake-up is lost: what is committed while a record is looked at comes too', async () => {
  const log = folder.open();
  let last = 0;
  const { seen } = following(log, { samples: 0 }, (offset) => {
    // Each record brings the next, up to 300: always between the look at the ends and the wait.
    if (offset !== last || last === 300) return;
    last = log.append(offset + 1, 1);
    log.ends.notify();
  });
  log.append(0, 1);
  log.ends.notify();
  await expect.poll(() => seen['samples'], { timeout: 20_000 }).toEqual(range(0, 301));
  log.writer.close();
});

test('the signal ends it while it waits, while it reads, and before it begins', async () => {
  const log = folder.fill();
  const waiting = following(log, { samples: log.end });
  waiting.end.abort();
  await waiting.ended;
  const reading = following(log, { samples: 0 }, (_offset, end) => end.abort());
  await reading.ended;
  const done = reading.seen['samples']?.length;
  log.append(log.end, 1);
  log.ends.notify();
  expect(reading.seen['samples']).toHaveLength(done ?? -1);
  const late = new AbortController();
  late.abort();
  const options = { logFolder: folder.log, ends: log.ends, from: { samples: 0 }, visit: never, onGap: never };
  await expect(follow(options, late.signal)).resolves.toBeUndefined();
  log.writer.close();
});

test('what the visitor throws ends it', async () => {
  const log = folder.fill();
  const { ended } = following(log, { samples: 0 }, (offset) => {
    if (offset === 20) throw new Error('no more');
  });
  await expect(ended).rejects.toThrow('no more');
  log.writer.close();
});
