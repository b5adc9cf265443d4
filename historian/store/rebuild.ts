import { Fault } from '../../edge/core/fault.ts';
import type { StoredFile } from '../files/file.ts';
import type { FileEntry } from '../files/file-writer.ts';
import type { FileChange, FileSet, ManifestChange } from './file-set.ts';
import { type Gone, goneTogether, NOTHING_GONE } from '../files/gone.ts';
import type { HiddenSpan } from '../reading/hidden.ts';
import { mergeFiles } from './merge.ts';
import { type LogSource, type OffsetSpan, Replay } from './replay.ts';
import type { DamagedFile } from '../reading/view.ts';

/** What rebuilding works on. No file may be rewritten by others meanwhile; new ones may come. */
export interface RebuildOptions {
  readonly log: LogSource;
  readonly set: FileSet;
  readonly freeBytes: () => number;
  readonly memtableBytes?: number;
  readonly breathe: () => Promise<void>;
  /** To be called when the manifest names other files: versions for readers are made anew. */
  readonly changed: () => void;
  /** Told how many of the log's records have been read again. */
  readonly onProgress?: ((records: number, of: number) => void) | undefined;
}

/** What became of a topic. */
export interface RebuiltTopic {
  readonly topic: string;
  /** First and last log offset that was read again. */
  readonly first: number;
  readonly last: number;
  /** Samples that were written anew out of the log. */
  readonly samples: number;
  /** Samples from before that span, or from holes in it, that stay as they were. */
  readonly kept: number;
}

/** Fills the historian again from the span that the log covers, beside the files that there are; then swaps them in one step. What the log does not cover stays. Throws `historian-write-failed` without room. */
export async function rebuild(options: RebuildOptions): Promise<RebuiltTopic[]> {
  const { set, log } = options;
  const old = [...set.files];
  const spans = set.manifest.topics
    .map(({ topic, position }) => ({ topic, from: log.start(topic), below: position }))
    .filter(({ from, below }) => from < below);
  checkRoom(options, old);
  const counts = new Map<string, number>();
  const replay = new Replay({
    ...options,
    looking: 'rollups',
    accept: (series) => {
      const topic = set.topicOf(series);
      counts.set(topic, (counts.get(topic) ?? 0) + 1);
      return true;
    },
  });
  const kept: StoredFile[] = [];
  let removed: readonly StoredFile[];
  let givenUp: readonly DamagedFile[];
  let result: RebuiltTopic[];
  try {
    await replayAll(options, replay, spans);
    const covered = spans.flatMap((span) => without(span, replay.holes));
    // What is gone is counted anew.
    const stays = ({ entry }: StoredFile): boolean =>
      entry.samples > 0 && !covered.some((span) => overlaps(entry, span));
    removed = old.filter((file) => !stays(file));
    for (const file of removed.filter(({ entry }) => entry.samples > 0)) {
      const rewritten = await keep(options, file, covered);
      if (rewritten !== undefined) kept.push(rewritten);
    }
    const left = [...old.filter(stays), ...kept];
    result = spans.map(({ topic, from, below }) => {
      const counted = { samples: counts.get(topic) ?? 0, kept: samplesOf(set, left, topic) };
      return { topic, first: from, last: below - 1, ...counted };
    });
    const tally = await tallyOf(options, [...kept, ...replay.files], removed);
    if (tally !== undefined) kept.push(tally);
    givenUp = set.damagedFiles.filter(({ entry }) => isCovered(entry, covered));
  } catch (error) {
    replay.discard();
    set.drop(kept);
    throw error;
  }
  swap(options, { added: [...kept, ...replay.files], removed, givenUp });
  return result;
}

async function replayAll(
  { onProgress }: Pick<RebuildOptions, 'onProgress'>,
  replay: Replay,
  spans: readonly OffsetSpan[],
): Promise<void> {
  const total = spans.reduce((sum, { from, below }) => sum + below - from, 0);
  let done = 0;
  for (const span of spans) {
    await replay.run(span, (position) => onProgress?.(done + Math.min(position, span.below) - span.from, total));
    done += span.below - span.from;
  }
}

/** Names the new files instead of the old ones, in one replacement of the manifest. */
export function swap({ set, changed }: RebuildOptions, files: Required<FileChange>, change: ManifestChange = {}): void {
  set.commit(change, files);
  changed();
  set.drop(files.removed);
  for (const { entry } of files.givenUp) set.unlink(entry.name);
}

/** A file without samples that counts what the new files lack of what the old ones had ever had: what was stored stays known. Undefined: nothing. */
async function tallyOf(
  { set }: RebuildOptions,
  added: readonly StoredFile[],
  removed: readonly StoredFile[],
): Promise<StoredFile | undefined> {
  const { series, topics } = set;
  const missing: Gone[] = [];
  const count = (files: readonly StoredFile[], sign: number): void => {
    for (const file of files)
      for (const [entry, id] of file.series.entries()) {
        const { samples, expired, firstUs, lastUs } = file.gone(entry);
        const ever = sign * (samples + file.summary(entry).samples);
        missing[id] = goneTogether(missing[id] ?? NOTHING_GONE, {
          samples: ever,
          expired: sign * expired,
          firstUs,
          lastUs,
        });
      }
  };
  count(removed, 1);
  count(added, -1);
  if (!missing.some(({ samples }) => samples > 0)) return undefined;
  return set.write((writer) => {
    for (const id of series.sorted()) {
      const gone = missing[id];
      if (gone === undefined || gone.samples <= 0) continue;
      writer.beginSeries(series.key(id), series.topic(id));
      const expired = Math.max(0, Math.min(gone.expired, gone.samples));
      writer.addGone(expired > 0 ? { ...gone, expired } : { ...NOTHING_GONE, samples: gone.samples });
    }
    return writer.finish(topics.names, { sinceMs: 0, writtenMs: 0, erased: set.manifest.lastErasure });
  });
}

function checkRoom({ freeBytes }: RebuildOptions, files: readonly StoredFile[]): void {
  const bytes = files.reduce((sum, { entry }) => sum + entry.bytes, 0);
  if (bytes > freeBytes())
    throw new Fault('historian-write-failed', `Rebuild: ${bytes} bytes are needed beside the old ones.`);
}

/** Parts of a span that are in none of these holes. */
function without(span: OffsetSpan, holes: readonly OffsetSpan[]): OffsetSpan[] {
  let parts = [span];
  for (const hole of holes) {
    if (hole.topic !== span.topic) continue;
    parts = parts.flatMap((part) => [
      { ...part, below: Math.min(part.below, Math.max(hole.from, part.from)) },
      { ...part, from: Math.max(part.from, Math.min(hole.below, part.below)) },
    ]);
    parts = parts.filter(({ from, below }) => from < below);
  }
  return parts;
}

function overlaps({ offsets }: FileEntry, { topic, from, below }: OffsetSpan): boolean {
  const [first, last] = offsets[topic] ?? [0, -1];
  return first < below && last >= from && first <= last;
}

/** Whether the log covers all of a file. */
function isCovered({ offsets }: FileEntry, covered: readonly OffsetSpan[]): boolean {
  return Object.entries(offsets).every(([topic, [first, last]]) =>
    covered.some((span) => span.topic === topic && first >= span.from && last < span.below),
  );
}

/** What of a file the log does not cover, as a file of its own; undefined: nothing. */
async function keep(
  options: RebuildOptions,
  file: StoredFile,
  covered: readonly OffsetSpan[],
): Promise<StoredFile | undefined> {
  if (isCovered(file.entry, covered)) return undefined;
  return rewrite(options, file, (id) => {
    const topic = options.set.topicOf(id);
    const [first, last] = file.entry.offsets[topic] ?? [0, -1];
    const ours = covered.filter((span) => span.topic === topic);
    return ours.map(({ from, below }): HiddenSpan => {
      const whole = first >= from && last < below;
      const offsets = whole ? { from: 0, below: Number.POSITIVE_INFINITY } : { from, below };
      return { reason: 'rebuilt', fromUs: Number.NEGATIVE_INFINITY, toUs: Number.POSITIVE_INFINITY, ...offsets };
    });
  });
}

/** A file again, without what is hidden and what cannot be read. `rebuilt`: samples of a series that cannot be read and are in a new file. */
export async function rewrite(
  { set, breathe }: RebuildOptions,
  file: StoredFile,
  more: (series: number) => readonly HiddenSpan[],
  rebuilt: (series: number) => number = () => 0,
): Promise<StoredFile> {
  const leftOut = set.leaveOut();
  return set.write((writer) =>
    mergeFiles({
      ...leftOut,
      inputs: [file],
      writer,
      series: set.series,
      topics: set.topics.names,
      hidden: (input, id) => [...more(id), ...leftOut.hidden(input, id)],
      onDamage: () => undefined,
      rebuilt,
      breathe,
    }),
  );
}

/** Samples of a topic in files. */
function samplesOf({ series, topics }: FileSet, files: readonly StoredFile[], topic: string): number {
  const number = topics.names.indexOf(topic);
  let samples = 0;
  for (const file of files)
    for (const [entry, id] of file.series.entries())
      if (series.topic(id) === number) samples += file.summary(entry).samples;
  return samples;
}
