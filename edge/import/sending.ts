import { tagTypeOf } from '../../connectors/payload/json-value.ts';
import type { Value, ValueKind } from '../core/sample.ts';
import { CHUNK_SAMPLES, CHUNK_TEXT, type ChunkTag, type ImportAnswer, type ImportChunk } from './chunk.ts';
import type { MappedName } from './names.ts';
import type { Refusal, RefusalReason, RowSink } from './rows.ts';
import { shownValue } from './shown-value.ts';

/** A gateway takes so many tags of one device; an import may have more. */
const TAGS_OF_SOURCE = 9000;

/** A chunk, and where its rows stood. */
export interface FilledChunk {
  readonly chunk: ImportChunk;
  readonly lines: readonly number[];
  readonly names: readonly string[];
  readonly file: string;
}

/** Gathers the samples of rows into chunks. */
export class ChunkFiller implements RowSink {
  file = '';
  /** Rows that are refused, or whose value is. */
  refusedCount = 0;
  private readonly source: string;
  private readonly onRefused: (refusal: Refusal) => void;
  private tags: ChunkTag[] = [];
  private names: string[] = [];
  /** Place in `tags`, by the number of the name. */
  private places = new Map<number, number>();
  private tag: number[] = [];
  private timeUs: number[] = [];
  private kinds: number[] = [];
  private quality: number[] = [];
  private values: Value[] = [];
  private lines: number[] = [];
  private textLength = 0;

  /** `source`: what the dictionary of tags calls the origin of new ones. */
  constructor(source: string, onRefused: (refusal: Refusal) => void) {
    this.source = source;
    this.onRefused = onRefused;
  }

  /** It is time to take the chunk. */
  get full(): boolean {
    return this.values.length >= CHUNK_SAMPLES || this.textLength > CHUNK_TEXT;
  }

  sample(name: MappedName, timeUs: number, kind: ValueKind, value: Value, quality: number, line: number): void {
    let place = this.places.get(name.number);
    if (place === undefined) {
      place = this.tags.length;
      this.places.set(name.number, place);
      this.tags.push(this.chunkTag(name));
      this.names.push(name.name);
    }
    this.tag.push(place);
    this.timeUs.push(timeUs);
    this.kinds.push(kind);
    this.quality.push(quality);
    this.values.push(value);
    this.lines.push(line);
    if (typeof value === 'string' || value instanceof Uint8Array) this.textLength += value.length;
  }

  private chunkTag({ relative, declared, unit, class: tagClass, number }: MappedName): ChunkTag {
    const part = Math.floor(number / TAGS_OF_SOURCE);
    return {
      tag: relative,
      type: declared === undefined ? null : tagTypeOf(declared),
      unit,
      class: tagClass,
      source: part === 0 ? this.source : `${this.source} ${part + 1}`,
    };
  }

  refused(refusal: Refusal): void {
    this.refusedCount++;
    this.onRefused(refusal);
  }

  ignored(): void {}

  ambiguous(): void {}

  /** The chunk; the next one is empty. */
  take(): FilledChunk {
    const { tags, names, lines, file } = this;
    const chunk: ImportChunk = {
      v: 1,
      tags,
      tag: Uint32Array.from(this.tag),
      timeUs: Float64Array.from(this.timeUs),
      kinds: Uint8Array.from(this.kinds),
      quality: Uint32Array.from(this.quality),
      values: this.values,
    };
    this.tags = [];
    this.names = [];
    this.places = new Map();
    this.tag = [];
    this.timeUs = [];
    this.kinds = [];
    this.quality = [];
    this.values = [];
    this.lines = [];
    this.textLength = 0;
    return { chunk, lines, names, file };
  }
}

/** What the gateway has refused of a chunk. */
export function refusalsOf({ chunk, lines, names, file }: FilledChunk, refused: ImportAnswer['refused']): Refusal[] {
  return refused.map(({ row, reason, detail }) => {
    const time = new Date((chunk.timeUs[row] ?? 0) / 1000).toISOString();
    const text = `${time} | ${shownValue(chunk.values[row] ?? null)}`.slice(0, 200);
    const name = names[chunk.tag[row] ?? 0] ?? '';
    return { file, line: lines[row] ?? 0, name, text, reason: reason as RefusalReason, detail };
  });
}
