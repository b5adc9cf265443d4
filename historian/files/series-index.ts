import { errnoOf } from '../../edge/core/fault.ts';
import { TagKeys } from '../../edge/core/tag-keys.ts';

/** A tag of one topic is a series. This many are known at most: what comes after is counted as unreadable (the dictionary of tags ends at 250,000). */
const MAX_SERIES = 262_144;

const encoder = new TextEncoder();
const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

/** The tags of one topic, and the series of each. */
interface TopicSeries {
  readonly keys: TagKeys;
  readonly ids: number[];
}

/** The series of a file in their order, and by series its place in this order + 1 (0, or behind the end: it is not among them). */
export interface SeriesList {
  readonly ids: Uint32Array;
  readonly places: Uint32Array;
}

/** Lists that are remembered: most files have the same series as the file before. */
const KEPT_LISTS = 4;

/** Numbers the series, found by the bytes of a record's key without making a string. Ids are dense from 0, in the order of arrival, and belong to this process only. */
export class SeriesIndex {
  private readonly byTopic: TopicSeries[] = [];
  /** By series: its topic, and what its tag is there. */
  private readonly topics: number[] = [];
  private readonly tags: number[] = [];
  /** All series of a tag that several topics have, by each of them. */
  private readonly twins = new Map<number, readonly number[]>();
  private readonly maxSeries: number;
  private ordered = new Uint32Array(0);
  private readonly lists: SeriesList[] = [];

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
    return this.findKey(topic, encoder.encode(tag));
  }

  private findKey(topic: number, key: Uint8Array): number {
    const known = this.byTopic[topic];
    const found = known?.keys.find(key, 0, key.length) ?? -1;
    return found < 0 ? -1 : (known?.ids[found] ?? -1);
  }

  /** Ids of the series of a tag, one for each topic that has it, in the order of the topics. */
  idsOf(tag: string): readonly number[] {
    const key = encoder.encode(tag);
    for (let topic = 0; topic < this.byTopic.length; topic++) {
      const id = this.findKey(topic, key);
      if (id >= 0) return this.twins.get(id) ?? [id];
    }
    return [];
  }

  /** Ids of all series of the tag of this one, in the order of the topics; undefined: it has no other. */
  twinsOf(id: number): readonly number[] | undefined {
    return this.twins.size === 0 ? undefined : this.twins.get(id);
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

  /** All ids in that order. New ones are sorted in: a tag more among 100,000 takes a millisecond. */
  sorted(): Uint32Array {
    const { ordered, count } = this;
    if (ordered.length === count) return ordered;
    // A plain array's sort finds what is in order already, as the tables of files are; a typed array's does not.
    const added = Array.from({ length: count - ordered.length }, (_, i) => ordered.length + i);
    added.sort((a, b) => this.compare(a, b));
    this.ordered = ordered.length === 0 ? Uint32Array.from(added) : this.merged(ordered, added);
    return this.ordered;
  }

  private merged(a: Uint32Array, b: readonly number[]): Uint32Array<ArrayBuffer> {
    const ids = new Uint32Array(a.length + b.length);
    let from = 0;
    let at = 0;
    for (const id of b) {
      const until = this.placeOf(a, id, from);
      ids.set(a.subarray(from, until), at);
      at += until - from;
      ids[at++] = id;
      from = until;
    }
    ids.set(a.subarray(from), at);
    return ids;
  }

  /** How many of the sorted ids, of which the first `low` do, come before this one. */
  placeOf(ids: Uint32Array, id: number, low = 0): number {
    let high = ids.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (this.compare(ids[middle] ?? 0, id) < 0) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  /** A list with these ids: one that was made before if it is the same, so that 100 files of 100,000 series do not take 80 MB for it. */
  listOf(ids: Uint32Array): SeriesList {
    const known = this.lists.find((list) => isSame(list.ids, ids));
    if (known !== undefined) return known;
    const places = new Uint32Array(this.count);
    for (let i = 0; i < ids.length; i++) places[ids[i] ?? 0] = i + 1;
    const list = { ids, places };
    this.lists.push(list);
    if (this.lists.length > KEPT_LISTS) this.lists.shift();
    return list;
  }

  private of(topic: number): TopicSeries {
    return (this.byTopic[topic] ??= { keys: new TagKeys(this.maxSeries), ids: [] });
  }

  private add(topic: number, bytes: Uint8Array, start: number, end: number): number {
    if (end <= start || this.count >= this.maxSeries || !isText(bytes, start, end)) return -1;
    const { keys, ids } = this.of(topic);
    const tag = keys.idOf(bytes, start, end);
    if (tag < 0) return -1;
    const id = this.topics.push(topic) - 1;
    this.tags.push(tag);
    ids.push(id);
    this.addTwins(bytes, start, end);
    return id;
  }

  private addTwins(bytes: Uint8Array, start: number, end: number): void {
    const all: number[] = [];
    // Sparse: a topic without a series is a hole, which is not visited.
    this.byTopic.forEach(({ keys, ids }) => {
      const id = ids[keys.find(bytes, start, end)];
      if (id !== undefined) all.push(id);
    });
    if (all.length > 1) for (const id of all) this.twins.set(id, all);
  }
}

function isSame(a: Uint32Array, b: Uint32Array): boolean {
  if (a.length !== b.length) return false;
  for (let i = 0; i < a.length; i++) if (a[i] !== b[i]) return false;
  return true;
}

function isText(bytes: Uint8Array, start: number, end: number): boolean {
  let at = start;
  while (at < end && (bytes[at] ?? 0) < 0x80) at++;
  if (at === end) return true;
  try {
    decoder.decode(bytes.subarray(at, end));
    return true;
  } catch (error) {
    if (errnoOf(error) === 'ERR_ENCODING_INVALID_ENCODED_DATA') return false;
    throw error;
  }
}
