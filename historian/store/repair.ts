import { type DamagedPart, damagedParts, eachOffset } from '../files/damaged-parts.ts';
import type { StoredFile } from '../files/file.ts';
import { MAX_GAPS } from '../limits.ts';
import type { UnreadableBlock } from '../files/manifest.ts';
import { type RebuildOptions, rewrite, swap } from './rebuild.ts';
import { type OffsetSpan, Replay } from './replay.ts';
import type { DamagedFile } from '../reading/view.ts';

/** Records that are looked at in one go: 8 MiB say which of them are in the files. */
const WINDOW_RECORDS = 64 * 1024 * 1024;

/** What a repair came to. */
export interface RepairReport {
  /** Samples that could not be read, and how many of them were written anew out of the log. */
  readonly damaged: number;
  readonly rebuilt: number;
  /** Files that were written again or replaced, and those that stay as they are: the log has nothing of what is damaged in them, or not all of one that cannot be opened. */
  readonly repaired: readonly string[];
  readonly left: readonly string[];
}

/** A damaged part, and what was found of it. */
interface Part {
  /** -1: of all series. */
  readonly series: number;
  readonly samples: number;
  readonly firstUs: number;
  readonly lastUs: number;
  readonly topic: string;
  readonly first: number;
  readonly last: number;
  /** Name of its file. */
  readonly file: string;
  readonly detail: string;
  rebuilt: number;
}

/**
 * Rebuilds what cannot be read out of the log, as far as the log still holds it: the records between the first and the last offset of a damaged block, of its tag, that are in no other
 * block, and that have not expired: of those it is not known which have been summed up. What of such a file cannot be rebuilt stays a gap that the manifest names. A file of which the log has nothing that is damaged stays as it is, a gap too: its bytes are evidence.
 * One that cannot be opened goes only when the log has all of its offsets.
 */
export async function repair(options: RebuildOptions, whole: readonly DamagedFile[]): Promise<RepairReport> {
  const { set } = options;
  const damaged = set.files.filter((file) => file.damaged);
  const found = await partsOf(options, damaged);
  const partsIn = ({ entry }: StoredFile): Part[] => found.filter(({ file }) => file === entry.name);
  // What could not be read for a moment can be now.
  for (const file of damaged) if (partsIn(file).length === 0) file.damaged = false;
  const files = damaged.filter((file) => partsIn(file).some((part) => isInLog(options, part)));
  const parts = [...files.flatMap(partsIn), ...whole.flatMap((file) => partsOfFile(file))];
  const replay = await replayParts(options, parts);
  const added: StoredFile[] = [];
  try {
    const rebuilt = (id: number): number =>
      parts.reduce((sum, part) => sum + (part.series === id ? part.rebuilt : 0), 0);
    for (const file of files) added.push(await rewrite(options, file, () => [], rebuilt));
  } catch (error) {
    replay.discard();
    set.drop(added);
    throw error;
  }
  const gone = whole.filter(({ entry }) => hasAll(options, replay.holes, entry.offsets));
  const unreadable = [...set.manifest.unreadable, ...parts.flatMap((part) => gapOf(options, part))].slice(-MAX_GAPS);
  const written = [...added, ...replay.files];
  if (written.length + gone.length > 0)
    swap(options, { added: written, removed: files, givenUp: gone }, { unreadable });
  return {
    damaged: parts.reduce((sum, { samples }) => sum + samples, 0),
    rebuilt: parts.reduce((sum, part) => sum + part.rebuilt, 0),
    repaired: [...files, ...gone].map(({ entry }) => entry.name),
    left: [
      ...damaged.filter((file) => file.damaged && !files.includes(file)),
      ...whole.filter((file) => !gone.includes(file)),
    ].map(({ entry }) => entry.name),
  };
}

async function partsOf({ set, breathe }: RebuildOptions, files: readonly StoredFile[]): Promise<Part[]> {
  const parts: Part[] = [];
  for (const file of files)
    for (const id of file.series) {
      const topic = set.topicOf(id);
      for (const part of damagedParts(file, id, topic)) parts.push(partOf(part, topic, file.entry.name));
      await breathe();
    }
  return parts;
}

function partOf({ firstOffset, lastOffset, ...part }: DamagedPart, topic: string, file: string): Part {
  const detail = `Offsets ${firstOffset} to ${lastOffset} of ${topic}, in ${file}.`;
  return { ...part, topic, first: firstOffset, last: lastOffset, file, detail, rebuilt: 0 };
}

function partsOfFile({ entry, fault }: DamagedFile): Part[] {
  const topics = Object.entries(entry.offsets);
  return topics.map(([topic, [first, last]], i): Part => {
    // How many of them are in which topic is not known.
    const samples = i === 0 ? entry.samples : 0;
    const span = { firstUs: entry.firstUs, lastUs: entry.lastUs, first, last };
    return { series: -1, samples, topic, ...span, file: entry.name, detail: fault.detail, rebuilt: 0 };
  });
}

/** Whether the log still holds some record of a part. */
function isInLog({ log }: RebuildOptions, { topic, last }: Part): boolean {
  return last >= log.start(topic);
}

/** What was not found, as a gap that the manifest names; that of a file that cannot be opened is named by its own. */
function gapOf({ set }: RebuildOptions, part: Part): UnreadableBlock[] {
  const samples = part.samples - part.rebuilt;
  if (part.series < 0 || samples <= 0) return [];
  const { topic, firstUs, lastUs, detail } = part;
  return [{ tag: set.series.tag(part.series), topic, samples, firstUs, lastUs, detail }];
}

function hasAll(
  { log }: RebuildOptions,
  holes: readonly OffsetSpan[],
  offsets: DamagedFile['entry']['offsets'],
): boolean {
  return Object.entries(offsets).every(
    ([topic, [first, last]]) =>
      first >= log.start(topic) &&
      !holes.some((hole) => hole.topic === topic && hole.from <= last && hole.below > first),
  );
}

async function replayParts(options: RebuildOptions, parts: readonly Part[]): Promise<Replay> {
  const { set, log, breathe } = options;
  const present = new Offsets();
  const replay = new Replay({
    ...options,
    looking: 'samples',
    accept: (id, timeUs, offset) => {
      const topic = set.topicOf(id);
      const part = parts.find(
        (each) =>
          each.topic === topic &&
          (each.series === id || each.series < 0) &&
          offset >= each.first &&
          offset <= each.last &&
          timeUs >= each.firstUs &&
          timeUs <= each.lastUs,
      );
      if (part === undefined || present.has(offset)) return false;
      part.rebuilt++;
      return true;
    },
  });
  try {
    for (const topic of new Set(parts.map((part) => part.topic))) {
      const ours = parts.filter((part) => part.topic === topic);
      for (const window of windowsOf(topic, ours, log.start(topic))) {
        await mark(options, present, window, ours);
        await replay.run(window);
        await breathe();
      }
    }
  } catch (error) {
    replay.discard();
    throw error;
  }
  return replay;
}

/** The records between the ends of the parts, without those that the log holds no more, each once. */
function windowsOf(topic: string, parts: readonly Part[], start: number): OffsetSpan[] {
  const windows: OffsetSpan[] = [];
  let done = start;
  for (const { first, last } of parts.toSorted((a, b) => a.first - b.first)) {
    for (let from = Math.max(first, done); from <= last; from = done) {
      done = Math.min(last + 1, from + WINDOW_RECORDS);
      windows.push({ topic, from, below: done });
    }
  }
  return windows;
}

/** Notes which records of a window can be read in the files. */
async function mark(
  { set, breathe }: RebuildOptions,
  present: Offsets,
  window: OffsetSpan,
  parts: readonly Part[],
): Promise<void> {
  const { topic, from, below } = window;
  present.reset(from, below);
  const number = set.topics.names.indexOf(topic);
  const ids = parts.some((part) => part.series < 0) ? undefined : new Set(parts.map((part) => part.series));
  for (const file of set.files) {
    const [first, last] = file.entry.offsets[topic] ?? [0, -1];
    if (first >= below || last < from) continue;
    for (const id of file.series) {
      if (set.series.topic(id) !== number || ids?.has(id) === false) continue;
      for (const _ of eachOffset(file, id, [from, below - 1], (offset) => present.add(offset))) await breathe();
    }
  }
}

/** A set of offsets within a window. */
class Offsets {
  private bits = new Uint8Array(0);
  private from = 0;

  reset(from: number, below: number): void {
    this.from = from;
    this.bits = new Uint8Array(Math.ceil((below - from) / 8));
  }

  add(offset: number): void {
    const at = offset - this.from;
    this.bits[at >>> 3] = (this.bits[at >>> 3] ?? 0) | (1 << (at & 7));
  }

  has(offset: number): boolean {
    const at = offset - this.from;
    return ((this.bits[at >>> 3] ?? 0) & (1 << (at & 7))) !== 0;
  }
}
