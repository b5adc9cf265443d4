import { Fault } from '../../edge/core/fault.ts';
import type { StoredFile } from './file.ts';
import { FileBlocks } from './file-blocks.ts';

/** Samples of a series that cannot be read: between which times and log offsets they lie, both ends with them. */
export interface DamagedPart {
  readonly series: number;
  readonly samples: number;
  readonly firstUs: number;
  readonly lastUs: number;
  readonly firstOffset: number;
  readonly lastOffset: number;
}

/** The blocks of a series in a file that cannot be read, each looked at; one for all of them where their index cannot be. */
export function* damagedParts(file: StoredFile, series: number, topic: string): Generator<DamagedPart> {
  const [leastOffset, greatestOffset] = file.entry.offsets[topic] ?? [0, 0];
  const list = file.blocksOnce(series, 0);
  for (let block = 0; block < (list?.count ?? 0); block++) {
    const fault = list?.load(block);
    if (list === undefined || !(fault instanceof Fault) || fault.code === 'historian-expired') continue;
    const part = { samples: list.samples(block), firstUs: list.first(block), lastUs: list.last(block) };
    const known = list instanceof FileBlocks ? list.offsets(block) : undefined;
    const [firstOffset, lastOffset] = known ?? [leastOffset, greatestOffset];
    yield { series, ...part, firstOffset, lastOffset };
  }
}

/** Gives the log offsets from `first` to `last` of the samples of a series in a file that can be read to `take`, a block at a time. */
export function* eachOffset(
  file: StoredFile,
  series: number,
  [first, last]: readonly [first: number, last: number],
  take: (offset: number) => void,
): Generator<void> {
  const list = file.blocksOnce(series, 0);
  for (let block = 0; block < (list?.count ?? 0); block++) {
    const [least, greatest] = (list instanceof FileBlocks ? list.offsets(block) : undefined) ?? [1, 0];
    if (greatest < first || least > last) continue;
    const points = list?.load(block);
    if (points === undefined || points instanceof Fault) continue;
    for (let i = 0; i < points.count; i++) {
      const offset = points.offsets[i] ?? 0;
      if (offset >= first && offset <= last) take(offset);
    }
    yield;
  }
}
