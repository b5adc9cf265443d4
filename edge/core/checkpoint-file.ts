import { type Disk, readFile, replaceFile } from './disk.ts';
import { Fault } from './fault.ts';

const REMEDY = 'Without it the log can be opened: what it says is then found from the segments.';

/** An offset per topic in Kafka's checkpoint form (FORMAT.md, "Log folder"): a line "0", the number of entries, then "<topic> <partition> <offset>" each. */
export function readCheckpoint(disk: Disk, file: string): Map<string, number> {
  const bytes = readFile(disk, file);
  const offsets = new Map<string, number>();
  if (bytes === undefined) return offsets;
  const lines = new TextDecoder().decode(bytes).split('\n');
  const count = Number(lines[1]);
  if (lines[0] !== '0' || !Number.isSafeInteger(count) || count < 0 || count > lines.length - 2)
    throw new Fault('data-unreadable', `${file} is not a checkpoint file. ${REMEDY}`);
  for (const line of lines.slice(2, 2 + count)) {
    const match = /^(\S+) 0 (\d+)$/.exec(line);
    const offset = Number(match?.[2]);
    if (match?.[1] === undefined || !Number.isSafeInteger(offset))
      throw new Fault('data-unreadable', `${file}: "${line}" is not "<topic> 0 <offset>". ${REMEDY}`);
    offsets.set(match[1], offset);
  }
  return offsets;
}

/** Replaces a checkpoint file; durable when this returns. */
export function writeCheckpoint(disk: Disk, file: string, offsets: ReadonlyMap<string, number>): void {
  const lines = [...offsets].map(([topic, offset]) => `${topic} 0 ${offset}\n`);
  replaceFile(disk, file, `0\n${lines.length}\n${lines.join('')}`);
}
