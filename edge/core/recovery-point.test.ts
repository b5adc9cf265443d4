import { rmSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { Fault } from './fault.ts';
import { expectedPairs, LogFolder, numbered, type OpenLog, pairs } from './kit/log-kit.ts';
import { systemError, TracedDisk } from './kit/traced-disk.ts';

const POINTS = 'recovery-point-offset-checkpoint';

/** Forty records in four segments, killed, with this recovery point. Segments begin at 0, 10, 20 and 30; each holds two batches of five. */
function killedAt(folder: LogFolder, recoveryPoint: number): number {
  const { append } = folder.open({ segmentBytes: 400 });
  for (let next = 0; next < 40; next += 5) append(next, 5);
  expect(folder.segments()).toEqual([0, 10, 20, 30]);
  folder.write(POINTS, `0\n1\nsamples 0 ${recoveryPoint}\n`);
  return folder.bytes(0).length / 2;
}

const flip = (bytes: Buffer, at: number): void => void bytes.writeUInt8((bytes[at] ?? 0) ^ 32, at);

function everything(folder: LogFolder, { ends }: OpenLog): [number, number][] {
  return pairs(folder.read(ends));
}

describe('what lies below the recovery point', () => {
  test.each([10, 15, 20, 30, 35, 40])('at %i is never written again, what lies beyond it is, all of it', (point) => {
    using folder = new LogFolder();
    const size = killedAt(folder, point);
    const disk = new TracedDisk();
    const log = folder.open({ disk, segmentBytes: 400 });
    const rewritten = disk.calls
      .filter(({ op, file }) => op === 'write' && file.endsWith('.log'))
      .map(({ file, position }) => Number(file.slice(0, 20)) + (5 * position) / size);
    expect(rewritten).toEqual([0, 5, 10, 15, 20, 25, 30, 35].filter((offset) => offset >= point));
    expect(log.reports['samples']?.rewrittenBytes).toBe(rewritten.length * size);
    expect(everything(folder, log)).toEqual(expectedPairs(0, 40));
    expect(folder.text(POINTS)).toBe('0\n1\nsamples 0 40\n');
    log.writer.close();
  });

  test.each([
    ['a flipped bit in the segment of the recovery point', 20, 70],
    ['a base offset', 20, 3],
    ['an epoch', 20, 14],
    ['a length', 20, 9],
    ['a flipped bit in a segment that is not looked at', 0, 70],
  ])('%s stays as it is', (_, base, at) => {
    using folder = new LogFolder();
    killedAt(folder, 25);
    folder.damage(base, (bytes) => flip(bytes, at));
    const before = [0, 10, 20, 30].map((segment) => folder.bytes(segment).toString('hex'));
    const log = folder.open({ segmentBytes: 400 });
    expect([0, 10, 20, 30].map((segment) => folder.bytes(segment).toString('hex'))).toEqual(before);
    expect(log.ends.end('samples')).toBe(40);
    expect(everything(folder, log).slice(-15)).toEqual(expectedPairs(25, 40));
    log.writer.close();
  });

  test('damage in the last batch after a clean stop is no tail: nothing is cut, its offsets are not used again', () => {
    using folder = new LogFolder();
    folder.with({}, ({ append }) => {
      append(0, 10);
      append(10, 10);
    });
    const size = folder.bytes(0).length / 2;
    folder.damage(0, (bytes) => flip(bytes, size + 70));
    const before = folder.bytes(0);
    const log = folder.open();
    expect(log.reports['samples']).toMatchObject({ damage: [{ first: 10, last: 19, position: size }], cut: undefined });
    expect(folder.bytes(0).equals(before)).toBe(true);
    expect([log.ends.start('samples'), log.ends.end('samples')]).toEqual([0, 20]);
    expect(log.append(20, 5)).toBe(20);
    const reading = folder.read(log.ends);
    expect(reading.gaps).toEqual([{ first: 10, last: 19, reason: 'damage' }]);
    expect(pairs(reading)).toEqual([...expectedPairs(0, 10), ...expectedPairs(20, 25)]);
    log.writer.close();
    expect(folder.segments()).toEqual([0, 20]);
  });

  test.each([
    ['in the middle of a batch', 10, (bytes: Buffer) => bytes.subarray(0, bytes.length * 0.75)],
    ['between two batches', 10, (bytes: Buffer) => bytes.subarray(0, bytes.length / 2)],
    ['to nothing', 0, () => Buffer.alloc(0)],
    ['to zeros', 0, (bytes: Buffer) => Buffer.alloc(bytes.length)],
  ])('a last segment that has become shorter, %s: reported, and no offset is used again', (_, first, shorten) => {
    using folder = new LogFolder();
    folder.with({}, ({ append }) => {
      append(0, 10);
      append(10, 10);
    });
    folder.damage(0, shorten);
    const before = folder.bytes(0);
    const log = folder.open();
    expect(log.reports['samples']?.damage).toMatchObject([{ first, last: 19 }]);
    expect(folder.bytes(0).equals(before)).toBe(true);
    expect(log.append(20, 5)).toBe(20);
    const reading = folder.read(log.ends);
    expect(reading.gaps).toEqual([{ first, last: 19, reason: 'damage' }]);
    expect(pairs(reading)).toEqual([...expectedPairs(0, first), ...expectedPairs(20, 25)]);
    log.writer.close();
    const again = folder.open();
    expect(again.ends.end('samples')).toBe(25);
    expect(pairs(folder.read(again.ends))).toEqual(pairs(reading));
    again.writer.close();
  });

  test('a topic whose segments are all gone goes on behind its recovery point, and says what is missing', () => {
    using folder = new LogFolder();
    folder.with({}, ({ append }) => append(0, 10));
    for (const kind of ['log', 'index', 'timeindex'] as const) rmSync(folder.file(0, kind));
    const log = folder.open();
    expect(log.reports['samples']?.damage).toMatchObject([{ first: 0, last: 9 }]);
    expect([log.ends.start('samples'), log.append(10, 1)]).toEqual([10, 10]);
    log.writer.close();
  });
});

/** What each of three starts reports as damaged; the first of them appends ten records. */
function reported(folder: LogFolder): [number, number][][] {
  return [10, 0, 0].map((records) =>
    folder.with({ segmentBytes: 10_000 }, ({ reports, append, ends }) => {
      if (records > 0) append(ends.end('samples'), records);
      return reports['samples']?.damage.map(({ first, last }) => [first, last]) ?? [];
    }),
  );
}

describe('what was reported is not reported again at the next start', () => {
  test.each([
    ['in the middle of the last segment', 10, 0.4],
    ['at its end', 20, 0.8],
  ])('damage %s: it begins a new segment, readers still see the gap', (_, first, part) => {
    using folder = new LogFolder();
    folder.with({}, ({ append }) => {
      for (let next = 0; next < 30; next += 10) append(next, 10);
    });
    folder.damage(0, (bytes) => flip(bytes, Math.floor(part * bytes.length)));
    expect(reported(folder)).toEqual([[[first, first + 9]], [], []]);
    expect(folder.segments()).toEqual([0, 30]);
    const log = folder.open();
    const reading = folder.read(log.ends);
    expect(reading.gaps).toEqual([{ first, last: first + 9, reason: 'damage' }]);
    const left = expectedPairs(0, 40).filter(([offset]) => offset < first || offset > first + 9);
    expect(pairs(reading)).toEqual(left);
    log.writer.close();
  });

  test('the oldest segments, if somebody has deleted them; what retention deletes is no damage', () => {
    using folder = new LogFolder();
    killedAt(folder, 40);
    folder.with({ segmentBytes: 400, budgetBytes: folder.bytes(0).length * 3 }, ({ writer }) => {
      writer.hold({});
      writer.retain();
    });
    expect(folder.segments()).toEqual([10, 20, 30]);
    expect(folder.with({}, ({ reports }) => reports['samples']?.damage)).toEqual([]);
    rmSync(folder.file(10));
    rmSync(folder.file(20));
    expect(reported(folder)).toEqual([[[10, 29]], [], []]);
  });

  test('all segments', () => {
    using folder = new LogFolder();
    killedAt(folder, 40);
    folder.with({ segmentBytes: 400, budgetBytes: folder.bytes(0).length * 3 }, ({ writer }) => {
      writer.hold({});
      writer.retain();
    });
    for (const base of folder.segments()) rmSync(folder.file(base));
    expect(reported(folder)).toEqual([[[10, 39]], [], []]);
  });
});

test.each([
  ['before', 25],
  ['at', 30],
])(
  'nothing is missed where all was released and the next segment never came; recovery point %s the end',
  (_, point) => {
    using folder = new LogFolder();
    killedAt(folder, 30);
    for (const base of folder.segments()) rmSync(folder.file(base));
    folder.write('log-start-offset-checkpoint', '0\n1\nsamples 0 30\n');
    folder.write('recovery-point-offset-checkpoint', `0\n1\nsamples 0 ${point}\n`);
    const log = folder.open();
    expect([log.reports, log.ends.start('samples'), log.ends.end('samples')]).toEqual([{}, 30, 30]);
    expect(log.append(30, 5)).toBe(30);
    log.writer.close();
  },
);

test('a log whose start is on no record begins where its segments do, and nothing is missed', () => {
  using folder = new LogFolder();
  killedAt(folder, 40);
  rmSync(folder.file(0));
  rmSync(`${folder.log}/log-start-offset-checkpoint`);
  const log = folder.open({ segmentBytes: 400 });
  expect([log.reports['samples']?.damage, log.ends.start('samples')]).toEqual([[], 10]);
  log.writer.close();
});

describe('beyond the recovery point', () => {
  test('damage in a segment that was complete is reported, nothing is cut, later segments are all there', () => {
    using folder = new LogFolder();
    const size = killedAt(folder, 0);
    folder.damage(10, (bytes) => flip(bytes, size + 70));
    folder.damage(20, (bytes) => bytes.subarray(0, bytes.length - 1));
    const log = folder.open({ segmentBytes: 400 });
    const { damage, cut } = log.reports['samples'] ?? {};
    expect(cut).toBeUndefined();
    expect(damage).toMatchObject([
      { first: 15, last: 19, file: folder.file(10), position: size },
      { first: 25, last: 29, file: folder.file(20), position: size },
    ]);
    const reading = folder.read(log.ends);
    expect(reading.gaps).toEqual([
      { first: 15, last: 19, reason: 'damage' },
      { first: 25, last: 29, reason: 'damage' },
    ]);
    expect(reading.entries.map(({ offset }) => offset)).toEqual(
      [0, 5, 10, 20, 30, 35].flatMap((first) => expectedPairs(first, first + 5).map(([offset]) => offset)),
    );
    log.writer.close();
  });

  test('a value that looks like a batch with later offsets is not taken for one where damage has laid it open', () => {
    using folder = new LogFolder();
    const { writer, append } = folder.open({ segmentBytes: 600 });
    append(0, 5);
    const position = folder.bytes(0).length;
    const inner = numbered(0, 1);
    new DataView(inner.buffer).setBigUint64(0, 25n);
    folder.appendValue(writer, inner);
    append(6, 4);
    append(10, 10);
    append(20, 10);
    expect(folder.segments()).toEqual([0, 10, 20]);
    folder.write(POINTS, '0\n1\nsamples 0 0\n');
    folder.damage(0, (bytes) => void bytes.writeInt32BE(9, position + 8));
    const log = folder.open();
    expect(log.reports['samples']?.damage).toMatchObject([{ first: 5, last: 5 }]);
    const reading = folder.read(log.ends);
    expect(reading.gaps).toEqual([{ first: 5, last: 5, reason: 'damage' }]);
    expect(pairs(reading)).toEqual([...expectedPairs(0, 5), ...expectedPairs(6, 30)]);
    expect(pairs(folder.read(log.ends, 7))).toEqual(expectedPairs(7, 30));
    log.writer.close();
  });

  test('a segment that is missing is reported', () => {
    using folder = new LogFolder();
    killedAt(folder, 0);
    rmSync(folder.file(10));
    const log = folder.open({ segmentBytes: 400 });
    expect(log.reports['samples']?.damage).toMatchObject([{ first: 10, last: 19 }]);
    expect(everything(folder, log)).toEqual([...expectedPairs(0, 10), ...expectedPairs(20, 40)]);
    log.writer.close();
  });

  test('without any checkpoint file everything is checked and written again', () => {
    using folder = new LogFolder();
    const size = killedAt(folder, 40);
    rmSync(`${folder.log}/${POINTS}`);
    const log = folder.open({ segmentBytes: 400 });
    expect(log.reports['samples']).toEqual({ damage: [], repaired: 0, cut: undefined, rewrittenBytes: 8 * size });
    expect(everything(folder, log)).toEqual(expectedPairs(0, 40));
    log.writer.close();
  });

  test('indexes are built again, the same as a clean stop leaves them', () => {
    using folder = new LogFolder();
    const clean = folder.fill(20_000);
    clean.writer.close();
    const files = () =>
      folder.segments().flatMap((base) => (['index', 'timeindex'] as const).map((kind) => folder.bytes(base, kind)));
    const before = files();
    expect(before.some((bytes) => bytes.length > 50)).toBe(true);
    folder.write(POINTS, '0\n1\nsamples 0 0\n');
    for (const base of folder.segments()) {
      rmSync(folder.file(base, 'index'));
      folder.write(`samples-0/${String(base).padStart(20, '0')}.timeindex`, 'garbage');
    }
    folder.with({}, () => undefined);
    expect(files()).toEqual(before);
  });
});

test('everything beyond the recovery point is written and synced, then the folder, then the point, then the end is published', () => {
  using folder = new LogFolder();
  killedAt(folder, 25);
  folder.damage(30, (bytes) => Buffer.concat([bytes, Buffer.from('torn')]));
  const disk = new TracedDisk();
  const ends = folder.ends();
  const steps: string[] = [];
  let published = false;
  disk.before = ({ op, file }) => {
    published ||= ends.end('samples') > 0;
    const kind = file.replace(/^0+(\d+)\./, '$1.');
    const step = `${published ? 'published, ' : ''}${op} ${kind}`;
    if (op !== 'list' && op !== 'makeFolder' && !kind.endsWith('index') && steps.at(-1) !== step) steps.push(step);
  };
  const writer = folder.writer({ disk, segmentBytes: 400 }, ends);
  writer.open();
  expect(steps).toEqual([
    // The complete segment that holds the recovery point.
    'open 20.log',
    'write 20.log',
    'sync 20.log',
    // The last one: its torn tail is safe in lost+found before it is cut off.
    'open 30.log',
    'open samples-0.40.1.bin',
    'write samples-0.40.1.bin',
    'sync samples-0.40.1.bin',
    'syncFolder lost+found',
    'truncate 30.log',
    'write 30.log',
    'sync 30.log',
    'syncFolder samples-0',
    'open 30.log',
    `open ${POINTS}.tmp`,
    `write ${POINTS}.tmp`,
    `sync ${POINTS}.tmp`,
    `rename ${POINTS}`,
    'syncFolder log',
    'open log-start-offset-checkpoint.tmp',
    'write log-start-offset-checkpoint.tmp',
    'sync log-start-offset-checkpoint.tmp',
    'rename log-start-offset-checkpoint',
    'syncFolder log',
  ]);
  expect(ends.end('samples')).toBe(40);
  writer.close();
});

/** A recovery with a wrong base offset and a torn tail to see to. It fails before its call number `failAt`. Returns how many calls it made, and the end that it published. */
function interrupted(folder: LogFolder, failAt: number): { calls: number; end: number } {
  const size = killedAt(folder, 15);
  folder.damage(20, (bytes) => void bytes.writeUInt8(9, size + 2));
  folder.damage(30, (bytes) => bytes.subarray(0, bytes.length - 3));
  const disk = new TracedDisk();
  const ends = folder.ends();
  disk.before = () => {
    if (disk.calls.length === failAt) throw systemError('EIO');
  };
  try {
    folder.writer({ disk, segmentBytes: 400 }, ends).open();
  } catch (error) {
    if (!(error instanceof Fault)) throw error;
  }
  disk.closeAll();
  return { calls: disk.calls.length, end: ends.end('samples') };
}

test('a recovery may be interrupted before any of its calls, and the next one comes to the same end', () => {
  using whole = new LogFolder();
  const { calls, end } = interrupted(whole, Infinity);
  expect([calls > 30, end]).toEqual([true, 35]);
  for (let call = 0; call < calls; call++) {
    using folder = new LogFolder();
    expect(interrupted(folder, call)).toEqual({ calls: call, end: 0 });
    const log = folder.open({ segmentBytes: 400, stamp: '2' });
    expect(everything(folder, log)).toEqual(expectedPairs(0, 35));
    expect(log.append(35, 5)).toBe(35);
    log.writer.close();
  }
});
