import { mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import * as fc from 'fast-check';
import { expect, onTestFinished, test } from 'vitest';
import { type Disk, realDisk } from './disk.ts';
import { TailFile } from './tail-file.ts';

const MiB = 1024 * 1024;

interface Written {
  readonly position: number;
  readonly bytes: number;
}

/** A file of its own, and what is done to it. */
function testFile(): { file: string; disk: Disk; fd: number; writes: Written[]; reads: number[] } {
  const folder = mkdtempSync(path.join(tmpdir(), 'millrace-tail-'));
  const file = path.join(folder, 'tail');
  const fd = realDisk.open(file, 'wx+');
  const writes: Written[] = [];
  const reads: number[] = [];
  const disk: Disk = {
    ...realDisk,
    write(to, parts, position) {
      writes.push({ position, bytes: parts.reduce((sum, part) => sum + part.length, 0) });
      realDisk.write(to, parts, position);
    },
    read(from, into, position) {
      reads.push(position);
      return realDisk.read(from, into, position);
    },
  };
  onTestFinished(() => {
    realDisk.close(fd);
    rmSync(folder, { recursive: true });
  });
  return { file, disk, fd, writes, reads };
}

const bytesOf = (count: number, seed: number): Uint8Array =>
  Uint8Array.from({ length: count }, (_, i) => (seed + i) % 251 || 1);

test('whatever is appended in whatever parts: the file holds it, then zeros; whole pages are written, and nothing is read back', () => {
  const part = fc.oneof(fc.integer({ min: 0, max: 200 }), fc.constantFrom(4095, 4096, 4097, 8192), fc.nat(20_000));
  const group = fc.array(part, { minLength: 1, maxLength: 5 });
  fc.assert(
    fc.property(fc.array(group, { minLength: 1, maxLength: 12 }), fc.nat(12), (groups, reopenAt) => {
      const { file, disk, fd, writes, reads } = testFile();
      let tail = new TailFile(disk, fd, 0, MiB);
      const expected: Uint8Array[] = [];
      for (const [i, sizes] of groups.entries()) {
        const parts = sizes.map((size, k) => bytesOf(size, 7 * i + k));
        const bytes = sizes.reduce((sum, size) => sum + size, 0);
        if (bytes === 0) continue;
        if (i === reopenAt) tail = new TailFile(disk, fd, tail.position, MiB);
        tail.append(parts, bytes);
        expected.push(...parts);
        const data = Buffer.concat(expected);
        const content = readFileSync(file);
        expect(tail.position).toBe(data.length);
        expect(content.subarray(0, data.length).equals(data)).toBe(true);
        expect(content.subarray(data.length).every((byte) => byte === 0)).toBe(true);
      }
      for (const { position, bytes } of writes) expect([position % 4096, bytes % 4096]).toEqual([0, 0]);
      expect(reads.length).toBeLessThanOrEqual(1);
      tail.trim();
      expect(readFileSync(file).equals(Buffer.concat(expected))).toBe(true);
    }),
    { numRuns: 100 },
  );
});

test('where little is appended at a time, and often, zeros lie ahead; never beyond the limit', () => {
  const { file, disk, fd, writes } = testFile();
  const KiB = 1024;
  const limit = 640 * KiB;
  const tail = new TailFile(disk, fd, 0, limit, { fillBytes: 128 * KiB, smallBytes: 8 * KiB, busyBytes: 256 * KiB });
  const part = bytesOf(5000, 1);
  const ahead = new Set<number>();
  while (tail.position < limit - 5000) {
    tail.append([part], part.length);
    const { size } = statSync(file);
    if (size - tail.position >= 4096) ahead.add(size);
  }
  expect(ahead.size).toBe(3);
  expect(Math.min(...ahead)).toBeGreaterThan((256 + 128) * KiB);
  expect(Math.max(...ahead)).toBe(limit);
  expect(writes.filter(({ bytes }) => bytes > 64 * KiB)).toHaveLength(3);
  tail.trim();
  expect(statSync(file).size).toBe(tail.position);
});

test('where much is appended at a time nothing is filled: it would be written twice', () => {
  const { file, disk, fd } = testFile();
  const tail = new TailFile(disk, fd, 0, 64 * MiB);
  for (let i = 0; i < 20; i++) tail.append([bytesOf(100_000, i)], 100_000);
  expect(statSync(file).size - tail.position).toBeLessThan(4096);
});
