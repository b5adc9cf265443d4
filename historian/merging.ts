import { Fault, messageOf } from '../edge/core/fault.ts';
import type { StoredFile } from './file.ts';
import type { FileEntry, FileWriter } from './file-writer.ts';
import { chooseMerge, mergeFiles } from './merge.ts';
import type { SeriesIndex } from './series-index.ts';

/** What merging needs of the store. */
export interface MergeHost {
  readonly series: SeriesIndex;
  readonly topicNames: readonly string[];
  files(): readonly StoredFile[];
  newFile(): FileWriter;
  openFile(entry: FileEntry): StoredFile;
  /** Names the merged file instead of its inputs. */
  replace(inputs: readonly StoredFile[], merged: StoredFile): void;
  /** Removes a file that no manifest names. */
  discard(file: FileWriter): void;
  /** Makes a function that now and then gives the thread to others. */
  breather(): () => Promise<void>;
  report(fault: Fault): void;
}

/** Merges small files in the background, between other work of the thread. A merge that fails is reported and tried again after the next flush. */
export class Merging {
  private readonly host: MergeHost;
  private readonly ending = new AbortController();
  private underWay: Promise<void> | undefined;

  constructor(host: MergeHost) {
    this.host = host;
  }

  /** Begins to merge if there is something to be merged and no merge is under way. */
  start(): void {
    if (this.underWay !== undefined || this.ending.signal.aborted || chooseMerge(this.host.files()) === undefined)
      return;
    this.underWay = this.run();
  }

  /** Resolves when no merge is under way. */
  async settled(): Promise<void> {
    await this.underWay;
  }

  /** Gives up a merge that is under way; there will be no other. */
  async stop(): Promise<void> {
    this.ending.abort();
    await this.underWay;
  }

  private async run(): Promise<void> {
    for (let inputs = chooseMerge(this.host.files()); inputs !== undefined; inputs = chooseMerge(this.host.files())) {
      if (!(await this.merge(inputs))) break;
    }
    this.underWay = undefined;
  }

  /** False: it is of no use to try another one now. */
  private async merge(inputs: readonly StoredFile[]): Promise<boolean> {
    const { host } = this;
    for (const input of inputs) input.retain();
    let output: FileWriter | undefined;
    try {
      output = host.newFile();
      const breathe = host.breather();
      const entry = await mergeFiles({
        inputs,
        writer: output,
        series: host.series,
        topics: host.topicNames,
        breathe: async () => {
          await breathe();
          this.ending.signal.throwIfAborted();
        },
      });
      const merged = host.openFile(entry);
      // From here on the manifest on the disk may name it, whatever happens: it is not ours to remove any more.
      output = undefined;
      host.replace(inputs, merged);
      return true;
    } catch (error) {
      const { aborted } = this.ending.signal;
      // What was found to be damaged has been told of, and is left out from now on: the others can be merged.
      const damaged = inputs.some((input) => input.damaged);
      if (!aborted && !damaged) host.report(asFault(error));
      if (output !== undefined) host.discard(output);
      return !aborted && damaged;
    } finally {
      for (const input of inputs) input.release();
    }
  }
}

function asFault(error: unknown): Fault {
  if (error instanceof Fault) return error;
  return new Fault('historian-write-failed', `Merge: ${messageOf(error)}`, { cause: error });
}
