import type { Disk } from '../../edge/core/disk.ts';
import { errnoOf, Fault, messageOf } from '../../edge/core/fault.ts';
import { StoredFile } from '../files/file.ts';
import { type LastSamples, LastState } from '../files/last-samples.ts';
import type { Manifest, TopicPosition } from '../files/manifest.ts';
import type { SeriesIndex } from '../files/series-index.ts';
import type { SeriesTotals } from '../files/series-totals.ts';
import type { TopicProgress } from '../follow/sink.ts';
import type { DamagedFile } from '../reading/view.ts';

/** The topics of a historian by number; the list only grows. */
export class Topics {
  readonly names: string[] = [];
  readonly progress: TopicProgress[] = [];

  /** The topic's progress; a new topic begins at offset 0. */
  get(topic: string): TopicProgress {
    const known = this.progress[this.names.indexOf(topic)];
    if (known !== undefined) return known;
    const made: TopicProgress = { topic, number: this.names.length, position: 0, lastMs: 0, lost: 0 };
    this.names.push(topic);
    this.progress.push(made);
    return made;
  }

  /** What a manifest says of them. */
  positions(): TopicPosition[] {
    return this.progress.map(({ topic, position, lastMs, lost }) => ({ topic, position, lastMs, lost }));
  }

  /** Takes over what a manifest says. */
  load(manifest: Manifest): void {
    for (const { topic, position, lastMs, lost } of manifest.topics) {
      Object.assign(this.get(topic), { position, lastMs, lost });
    }
  }
}

/** Does something with a folder of the historian; what the system says when that fails becomes a Fault of this code. */
export function onDisk<T>(code: 'data-unreadable' | 'historian-write-failed', folder: string, work: () => T): T {
  try {
    return work();
  } catch (error) {
    if (error instanceof Fault || errnoOf(error) === undefined) throw error;
    throw new Fault(code, `${folder}: ${messageOf(error)}`, { cause: error });
  }
}

/** Opens the files that a manifest names. One that is damaged is given as such, the others are served. `report` is told when a part of one turns out to be damaged later. */
export function loadFiles(
  disk: Disk,
  folder: string,
  manifest: Manifest,
  known: {
    readonly series: SeriesIndex;
    readonly totals: SeriesTotals;
    readonly last: LastSamples;
    readonly topics: Topics;
  },
  report: (fault: Fault) => void = () => undefined,
): { files: StoredFile[]; damagedFiles: DamagedFile[] } {
  const files: StoredFile[] = [];
  const damagedFiles: DamagedFile[] = [];
  for (const entry of manifest.files) {
    const file = new StoredFile(disk, folder, entry, report);
    try {
      file.open(known.series, (topic) => known.topics.get(topic).number);
      known.totals.addFile(file);
      addLast(known.last, file);
      files.push(file);
    } catch (error) {
      if (!(error instanceof Fault) || error.code !== 'historian-damaged') throw error;
      damagedFiles.push({ entry, fault: error });
    }
  }
  return { files, damagedFiles };
}

/** Takes over the last samples of a file that has become one of the historian's. */
export function addLast(into: LastSamples, file: StoredFile): void {
  const last = file.takeLast();
  const { series } = file;
  for (let entry = 0; entry < series.length; entry++) into.putLater(series[entry] ?? 0, last, entry);
}

/** Files have gone, and others have come instead of them, which may lack samples: where the last one of a series may have been in one of those that went it is in one of those that came, or is to be looked for. */
export function replaceLast(into: LastSamples, added: readonly StoredFile[], removed: readonly StoredFile[]): void {
  for (const file of removed) {
    const { series } = file;
    for (let entry = 0; entry < series.length; entry++) {
      const id = series[entry] ?? 0;
      const reachUs = file.lastOf(id);
      if (reachUs !== undefined && into.state(id) !== LastState.none && reachUs >= into.timeUs(id)) into.doubt(id);
    }
  }
  for (const file of added) addLast(into, file);
}
