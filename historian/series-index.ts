import { errnoOf } from '../edge/core/fault.ts';
import { TagKeys } from '../edge/core/tag-keys.ts';

/** A tag of one topic is a series. This many are known at most: what comes after is counted as unreadable (the dictionary of tags ends at 250,000). */
const MAX_SERIES = 262_144;

const encoder = new TextEncoder();
const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

/** The tags of one topic, and the series of each. */
interface TopicSeries {
  readonly keys: TagKeys;
  readonly ids: number[];
}

/** Numbers the series, found by the bytes of a record's key without making a string. Ids are dense from 0, in the order of arrival, and belong to this process only. */
export class SeriesIndex {
  private readonly byTopic: TopicSeries[] = [];
  /** By series: its topic, and what its tag is there. */
  private readonly topics: number[] = [];
  private readonly tags: number[] = [];
  private readonly maxSeries: number;
  private ordered: Uint32Array | undefined;

  constructor(maxSeries: number = MAX_SERIES) {
    this.maxSeries = maxSeries;
  }

  get count(): number {
    return this.topics.length;
  }

  /** Id of the series of this topic whose tag stands in `bytes` from `start` to `end`; a new one if need be. -1: the tag is empty, over 255 bytes, not UTF-8, or one too many. */
  idOf(topic: number, bytes: Uint8Array, start: number, end: number): number {
    const { keys, ids } = this.of(topic);
    const tag = keys.find(bytes, start, end);
    return (tag < 0 ? undefined : ids[tag]) ?? this.add(topic, bytes, start, end);
  }

  /** Id of a known series, or -1. */
  find(topic: number, tag: string): number {
    const { keys, ids } = this.of(topic);
    const bytes = encoder.encode(tag);
    const found = keys.find(bytes, 0, bytes.length);
    return found < 0 ? -1 : (ids[found] ?? -1);
  }

  /** The tag's bytes; shares memory. */
  key(id: number): Uint8Array {
    return this.of(this.topic(id)).keys.key(this.tags[id] ?? 0);
  }

  tag(id: number): string {
    return decoder.decode(this.key(id));
  }

  /** Number of the topic in the historian's list. */
  topic(id: number): number {
    return this.topics[id] ?? 0;
  }

  /** Order of the series in a file: by the bytes of the tag, then by topic. */
  compare(a: number, b: number): number {
    const order = Buffer.compare(this.key(a), this.key(b));
    return order === 0 ? this.topic(a) - this.topic(b) : order;
  }

  /** All ids in that order. */
  sorted(): Uint32Array {
    if (this.ordered?.length !== this.count) {
      this.ordered = Uint32Array.from({ length: this.count }, (_, id) => id).toSorted((a, b) => this.compare(a, b));
    }
    return this.ordered;
  }

  private of(topic: number): TopicSeries {
    return (this.byTopic[topic] ??= { keys: new TagKeys(this.maxSeries), ids: [] });
  }

  private add(topic: number, bytes: Uint8Array, start: number, end: number): number {
    if (end <= start || this.count >= this.maxSeries || !isText(bytes.subarray(start, end))) return -1;
    const { keys, ids } = this.of(topic);
    const tag = keys.idOf(bytes, start, end);
    if (tag < 0) return -1;
    const id = this.topics.push(topic) - 1;
    this.tags.push(tag);
    ids.push(id);
    return id;
  }
}

function isText(bytes: Uint8Array): boolean {
  try {
    decoder.decode(bytes);
    return true;
  } catch (error) {
    if (errnoOf(error) === 'ERR_ENCODING_INVALID_ENCODED_DATA') return false;
    throw error;
  }
}
