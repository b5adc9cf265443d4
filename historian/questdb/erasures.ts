import type { Disk } from '../../edge/core/disk.ts';
import { Fault } from '../../edge/core/fault.ts';
import { StateFile } from '../../edge/core/progress/state-file.ts';
import { MAX_ERASURES } from './limits.ts';

/** Samples of these tags with `fromUs` ≤ effective time < `toUs`, µs, and a log offset below `upTo` of their topic. */
export interface TableErasure {
  readonly tags: readonly string[];
  readonly fromUs: number;
  readonly toUs: number;
  readonly upTo: Readonly<Record<string, number>>;
}

/**
 * What was erased and the log may still hold: it is not sent again, neither behind the cursor nor when the table is filled anew. In a file of its own, which is there before anything is erased
 * in the table.
 */
export class Erasures {
  /** Another number whenever the list is another one. */
  version = 0;
  private readonly file: StateFile;
  private readonly start: (topic: string) => number;
  private list: readonly TableErasure[] = [];

  /** `start`: the first offset that the log still holds of a topic. */
  constructor(disk: Disk, file: string, start: (topic: string) => number) {
    const remedy =
      'Restore it from a backup; without it, samples that were erased come back if QuestDB is filled anew.';
    this.file = new StateFile({ disk, file, consumer: 'questdb-erasures', remedy });
    this.start = start;
  }

  /** Reads what earlier lives have recorded. Throws `state-damaged`. */
  open(): void {
    const content = this.file.read() as { readonly erasures: readonly TableErasure[] } | undefined;
    this.list = content?.erasures ?? [];
    this.version++;
  }

  /** Puts an erasure on record, durably; one that is there already, also of fewer tags, is the same. Throws `erase-refused` beyond 1,000 that the log may still hold something of. */
  add(erasure: TableErasure): void {
    const { start } = this;
    const held = this.list.filter(({ upTo }) => Object.entries(upTo).some(([topic, end]) => end > start(topic)));
    const others = held.filter((each) => !hasAll(erasure, each));
    const isKnown = others.some((each) => hasAll(each, erasure));
    if (!isKnown && others.length >= MAX_ERASURES)
      throw new Fault('erase-refused', `${MAX_ERASURES} erasures are on record whose samples the log may still hold.`);
    this.list = isKnown ? others : [...others, erasure];
    this.file.write({ v: 1, erasures: this.list });
    this.version++;
  }

  /** Those that are about a tag in a topic. */
  of(tag: string, topic: string): readonly TableErasure[] {
    return this.list.filter(({ tags, upTo }) => upTo[topic] !== undefined && tags.includes(tag));
  }
}

/** Whether an erasure has all tags of another one of the same samples otherwise: asked for again, a prefix may have more of them. */
function hasAll({ tags, ...what }: TableErasure, { tags: wanted, ...other }: TableErasure): boolean {
  if (JSON.stringify(what) !== JSON.stringify(other)) return false;
  const there = new Set(tags);
  return wanted.every((tag) => there.has(tag));
}

/** Whether one of these erasures, all of one tag, erases this sample. */
export function isErased(erasures: readonly TableErasure[], topic: string, timeUs: number, offset: number): boolean {
  return erasures.some(({ fromUs, toUs, upTo }) => timeUs >= fromUs && timeUs < toUs && offset < (upTo[topic] ?? 0));
}
