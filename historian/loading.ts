import type { Disk } from '../edge/core/disk.ts';
import { Fault } from '../edge/core/fault.ts';
import { StoredFile } from './file.ts';
import type { Manifest, TopicPosition } from './manifest.ts';
import type { SeriesIndex } from './series-index.ts';
import type { SeriesTotals } from './series-totals.ts';
import type { TopicProgress } from './sink.ts';
import type { DamagedFile } from './view.ts';

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

/** Opens the files that a manifest names. One that is damaged is given as such, the others are served. `report` is told when a part of one turns out to be damaged later. */
export function loadFiles(
  disk: Disk,
  folder: string,
  manifest: Manifest,
  known: { readonly series: SeriesIndex; readonly totals: SeriesTotals; readonly topics: Topics },
  report: (fault: Fault) => void = () => undefined,
): { files: StoredFile[]; damagedFiles: DamagedFile[] } {
  const files: StoredFile[] = [];
  const damagedFiles: DamagedFile[] = [];
  for (const entry of manifest.files) {
    const file = new StoredFile(disk, folder, entry, report);
    try {
      file.open(known.series, (topic) => known.topics.get(topic).number);
      known.totals.addFile(file);
      files.push(file);
    } catch (error) {
      if (!(error instanceof Fault) || error.code !== 'historian-damaged') throw error;
      damagedFiles.push({ entry, fault: error });
    }
  }
  return { files, damagedFiles };
}
