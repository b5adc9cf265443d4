import type { SeriesIndex } from '../files/series-index.ts';

/** Tags of series from a number on, for another thread. */
export interface NamesMessage {
  /** Number of the first one. */
  readonly first: number;
  /** Their UTF-8 bytes, back to back, and where each ends. */
  readonly bytes: Uint8Array<ArrayBuffer>;
  readonly ends: Uint32Array<ArrayBuffer>;
}

/** The tags of the series from `first` on; null: there are none. */
export function namesFrom(series: SeriesIndex, first: number): NamesMessage | null {
  const count = series.count - first;
  if (count <= 0) return null;
  const ends = new Uint32Array(count);
  let length = 0;
  for (let i = 0; i < count; i++) ends[i] = length += series.key(first + i).length;
  const bytes = new Uint8Array(length);
  for (let i = 0; i < count; i++) bytes.set(series.key(first + i), i === 0 ? 0 : ends[i - 1]);
  return { first, bytes, ends };
}

const decoder = new TextDecoder('utf-8', { ignoreBOM: true });

/** The tags of a historian's series by number, as another thread knows them: each comes across once. Bounded as the series are, 262,144. */
export class SeriesNames {
  private readonly names: string[] = [];

  /** Series that are known. */
  get count(): number {
    return this.names.length;
  }

  /** Tag of a series; empty where it is not known. */
  tag(id: number): string {
    return this.names[id] ?? '';
  }

  /** Takes over what is new: several questions may have asked for the same. */
  add({ first, bytes, ends }: NamesMessage): void {
    for (let i = Math.max(0, this.count - first); i < ends.length; i++)
      this.names.push(decoder.decode(bytes.subarray(i === 0 ? 0 : ends[i - 1], ends[i])));
  }
}
