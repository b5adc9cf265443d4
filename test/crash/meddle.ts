import type { Random } from '../../edge/core/kit/choices.ts';
import { type Disk, readFile } from '../../edge/core/disk.ts';
import { topicFolder } from '../../edge/core/segment-files.ts';
import { LOG_FOLDER, TOPICS } from './small-log.ts';

/** Somebody deletes an index of a closed log, empties it, cuts it off, flips a bit of it, or puts that of another segment in its place. Returns what was done. */
export function meddle(disk: Disk, random: Random): string {
  const folder = topicFolder(LOG_FOLDER, TOPICS[random(TOPICS.length)] ?? 'samples');
  const indexes = disk.list(folder).filter((name) => name.endsWith('index'));
  const name = indexes[random(indexes.length)];
  if (name === undefined) return 'nothing to meddle with';
  const file = `${folder}/${name}`;
  const what = random(5);
  if (what === 0) {
    disk.unlink(file);
    return 'index deleted';
  }
  const others = indexes.filter((other) => other.endsWith('.index') === name.endsWith('.index'));
  const other = readFile(disk, `${folder}/${others[random(others.length)] ?? name}`) ?? new Uint8Array(0);
  const fd = disk.open(file, what === 1 || what === 4 ? 'w' : 'r+');
  const size = disk.size(fd);
  if (what === 2) disk.truncate(fd, random(size + 1));
  // The low byte of a number: it stays likely.
  if (what === 3 && size >= 4) flip(disk, fd, 4 * random(Math.floor(size / 4)) + 3, 1 << random(4));
  if (what === 4) disk.write(fd, [other], 0);
  disk.close(fd);
  return ['', 'index emptied', 'index cut off', 'index flipped', 'index of another'][what] ?? '';
}

function flip(disk: Disk, fd: number, at: number, bit: number): void {
  const byte = new Uint8Array(1);
  disk.read(fd, byte, at);
  disk.write(fd, [Uint8Array.of((byte[0] ?? 0) ^ bit)], at);
}
