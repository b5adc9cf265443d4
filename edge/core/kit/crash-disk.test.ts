import { describe, expect, test } from 'vitest';
import { AllChoices } from './choices.ts';
import { CrashDisk, digestOf, PowerFailure, seeded } from './crash-disk.ts';
import { readFile, replaceFile } from '../disk.ts';
import { systemError } from './traced-disk.ts';

const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);

/** A disk with a folder. */
function made(): CrashDisk {
  const disk = new CrashDisk();
  disk.makeFolder('/a');
  return disk;
}

/** What file `/a/f` may hold after a crash: letter and number of each run of equal bytes, `?` for garbage; `none`: there is no such file. */
function left(disk: CrashDisk): string[] {
  const choices = new AllChoices();
  const found = new Set<string>();
  do {
    const content = readFile(CrashDisk.of(disk.image(choices.choose)), '/a/f');
    found.add(content === undefined ? 'none' : runs(content));
  } while (choices.next());
  return [...found].toSorted();
}

function runs(content: Uint8Array): string {
  const text = [...content].map((byte) =>
    byte === 0 ? '0' : byte < 65 || byte > 90 ? '?' : String.fromCharCode(byte),
  );
  const sectors = Array.from({ length: Math.ceil(text.length / 512) }, (_, i) => text.slice(512 * i, 512 * (i + 1)));
  return sectors.map((sector) => (sector.includes('?') ? '?' : [...new Set(sector)].join(''))).join(' ');
}

/** A file of sectors, each full of one letter, synced with its name. */
function file(disk: CrashDisk, letters: string): number {
  const fd = disk.open('/a/f', 'wx+');
  write(disk, fd, letters);
  disk.sync(fd);
  disk.syncFolder('/a');
  return fd;
}

function write(disk: CrashDisk, fd: number, letters: string, sector = 0): void {
  disk.write(
    fd,
    Array.from(letters, (letter) => bytes(letter.repeat(512))),
    512 * sector,
  );
}

describe('what is left after a crash', () => {
  test('is what was synced', () => {
    const disk = made();
    file(disk, 'AB');
    expect(left(disk)).toEqual(['A B']);
  });

  test('has each sector of a write that was not synced, or what was there before', () => {
    const disk = made();
    write(disk, file(disk, 'AB'), 'XY');
    expect(left(disk)).toEqual(['A B', 'A Y', 'X B', 'X Y']);
  });

  test('has any of the versions of a sector that was written more than once', () => {
    const disk = made();
    const fd = file(disk, 'A');
    write(disk, fd, 'B');
    write(disk, fd, 'C');
    expect(left(disk)).toEqual(['A', 'B', 'C']);
  });

  test('may be shorter than what was written, and has zeros or garbage where nothing came', () => {
    const disk = made();
    write(disk, file(disk, 'A'), 'XY', 1);
    const grown = ['A', 'A 0', 'A ?', 'A X'];
    const behind = ['0', '?', 'Y'].flatMap((last) => grown.slice(1).map((first) => `${first} ${last}`));
    expect(left(disk)).toEqual([...grown, ...behind].toSorted());
  });

  test('may have what was cut off, or anything in its place, or not', () => {
    const disk = made();
    disk.truncate(file(disk, 'AB'), 512);
    expect(left(disk)).toEqual(['A', 'A 0', 'A ?', 'A B']);
  });

  test('has or has not a name that was set or removed, until the folder is synced', () => {
    const disk = made();
    const fd = disk.open('/a/f', 'wx+');
    write(disk, fd, 'A');
    disk.sync(fd);
    expect(left(disk)).toEqual(['A', 'none']);
    disk.syncFolder('/a');
    expect(left(disk)).toEqual(['A']);
    disk.unlink('/a/f');
    expect(left(disk)).toEqual(['A', 'none']);
  });

  test('has the old or the new content of a file that was replaced, never a mixture', () => {
    const disk = made();
    file(disk, 'AB');
    const seen = new Set<string>();
    disk.before = () => left(disk).forEach((content) => seen.add(content));
    replaceFile(disk, '/a/f', bytes('C'.repeat(1024)));
    disk.before = undefined;
    expect([...seen].toSorted()).toEqual(['A B', 'C C']);
    expect(left(disk)).toEqual(['C C']);
  });

  test('is unsure for ever where a sync has failed, until it is written again', () => {
    const disk = made();
    const fd = file(disk, 'A');
    write(disk, fd, 'B');
    disk.before = () => {
      throw systemError('EIO');
    };
    expect(() => disk.sync(fd)).toThrow('EIO');
    disk.before = undefined;
    disk.sync(fd);
    expect(left(disk)).toEqual(['A', 'B']);
    write(disk, fd, 'B');
    disk.sync(fd);
    expect(left(disk)).toEqual(['B']);
  });
});

test('a random crash leaves one of those, and the same seed the same one', () => {
  const outcomes = new Set<string>();
  for (let seed = 0; seed < 50; seed++) {
    const digests = [1, 2].map(() => {
      const disk = made();
      write(disk, file(disk, 'AB'), 'XY');
      disk.crash(seeded(seed));
      return digestOf(disk.image(() => 0));
    });
    expect(digests[0]).toBe(digests[1]);
    outcomes.add(digests[0] ?? '');
  }
  expect(outcomes.size).toBe(4);
});

test('without power nothing happens any more but what may have come of a last write', () => {
  const disk = made();
  const fd = file(disk, 'A');
  disk.callsLeft = 0;
  expect(() => write(disk, fd, 'B')).toThrow(PowerFailure);
  expect(() => disk.sync(fd)).toThrow(PowerFailure);
  disk.callsLeft = Infinity;
  expect(left(disk)).toEqual(['A', 'B']);
});
