import { ByteReader } from '../../edge/core/byte-reader.ts';
import { readDelta } from '../codec/delta.ts';
import { FILE_HEADER_BYTES } from './file-writer.ts';
import { type Gone, NOTHING_GONE } from './gone.ts';
import { readLast } from './last-sample.ts';
import { LastSamples } from './last-samples.ts';
import type { SeriesIndex, SeriesList } from './series-index.ts';

const MAX_UINT32 = 0xffffffff;

/** The table of series of a file: a column each, an entry for each series; 28 bytes of memory an entry where other files have the same series. */
export interface SeriesTable {
  /** Ids of the series. */
  readonly series: Uint32Array;
  /** By series, its entry + 1; 0, or behind the end: none. */
  readonly places: Uint32Array;
  readonly samples: Counts;
  readonly firsts: Float64Array;
  readonly lasts: Float64Array;
  readonly indexPositions: Counts;
  readonly indexLengths: Uint32Array;
  /** By entry; those of which nothing is gone are not in it. */
  readonly gone: ReadonlyMap<number, Gone>;
  /** By entry; only until somebody has taken it over. */
  last: LastSamples;
}

/** Numbers that are seldom above 32 bits. */
type Counts = Uint32Array | Float64Array;

/** A table without series. */
export function emptyTable(): SeriesTable {
  return new Building(0, 0).table({ ids: new Uint32Array(0), places: new Uint32Array(0) });
}

/** Parses the table that lies in a file from `position` on; new tags and topics get numbers. Throws `historian-damaged`. */
export function parseTable(
  bytes: Uint8Array,
  position: number,
  series: SeriesIndex,
  topicNumber: (name: string) => number,
): SeriesTable {
  const from = new ByteReader('historian-damaged');
  from.open(bytes);
  const topics: number[] = [];
  for (let left = countOf(from, 1); left > 0; left--) {
    const start = from.skip(from.varint());
    topics.push(topicNumber(new TextDecoder().decode(bytes.subarray(start, from.at))));
  }
  const building = new Building(countOf(from, 5), position);
  for (let i = 0; i < building.ids.length; i++) {
    const start = from.skip(from.varint());
    const end = from.at;
    const topic = topics[from.varint()] ?? from.fail('number of a topic');
    const id = series.idOf(topic, bytes, start, end);
    if (id < 0) from.fail('tag that cannot be one, or one too many');
    building.ids[i] = id;
    building.parseEntry(from, i);
  }
  if (from.at !== from.end) from.fail('bytes behind the table');
  return building.table(series.listOf(building.ids));
}

/** A count of things that take at least `size` bytes each: the bytes that are left bound it. */
function countOf(from: ByteReader, size: number): number {
  const value = from.varint();
  if (value < 0 || value * size > from.end - from.at) from.fail(`count of ${value}`);
  return value;
}

/** A table that is being parsed. */
class Building {
  readonly ids: Uint32Array;
  private samples: Counts;
  private readonly firsts: Float64Array;
  private readonly lasts: Float64Array;
  private readonly indexPositions: Counts;
  private readonly indexLengths: Uint32Array;
  private readonly gone = new Map<number, Gone>();
  private readonly last: LastSamples;
  /** Where the table begins: everything else lies before it. */
  private readonly position: number;
  /** Log offset of the last sample before. */
  private offset = 0;

  constructor(entries: number, position: number) {
    this.position = position;
    this.ids = new Uint32Array(entries);
    this.samples = new Uint32Array(entries);
    this.firsts = new Float64Array(entries);
    this.lasts = new Float64Array(entries);
    this.indexPositions = position > MAX_UINT32 ? new Float64Array(entries) : new Uint32Array(entries);
    this.indexLengths = new Uint32Array(entries);
    this.last = new LastSamples(entries);
  }

  /** Parses what the table says of one series behind tag and topic. */
  parseEntry(from: ByteReader, i: number): void {
    const gone = from.varsafe();
    if (gone < 0) from.fail(`${gone} samples gone`);
    if (gone > 0) {
      const expired = from.varsafe();
      if (expired < 0 || expired > gone) from.fail(`${expired} of ${gone} samples expired`);
      const firstUs = expired > 0 ? from.varsafe() : NOTHING_GONE.firstUs;
      const lastUs = expired > 0 ? readDelta(from, firstUs) : NOTHING_GONE.lastUs;
      this.gone.set(i, { samples: gone, expired, firstUs, lastUs });
    }
    const samples = from.varsafe();
    if (samples < 0 || samples + gone === 0) from.fail(`series of ${samples} samples`);
    if (samples > MAX_UINT32) this.samples = Float64Array.from(this.samples);
    this.samples[i] = samples;
    if (samples === 0) return;
    const firstUs = from.varsafe();
    const lastUs = readDelta(from, firstUs);
    this.firsts[i] = firstUs;
    this.lasts[i] = lastUs;
    const indexPosition = from.varsafe();
    const indexLength = from.varint();
    if (indexPosition < FILE_HEADER_BYTES || indexLength < 4 || indexPosition + indexLength > this.position)
      from.fail(`block index of ${indexLength} bytes at ${indexPosition}`);
    this.indexPositions[i] = indexPosition;
    this.indexLengths[i] = indexLength;
    this.offset = readLast(from, this.last, i, lastUs, this.offset);
  }

  table({ ids, places }: SeriesList): SeriesTable {
    const { samples, firsts, lasts, indexPositions, indexLengths, gone, last } = this;
    return { series: ids, places, samples, firsts, lasts, indexPositions, indexLengths, gone, last };
  }
}
