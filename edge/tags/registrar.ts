import type { MessagePort } from 'node:worker_threads';
import type { Clock } from '../core/clock.ts';
import { assert, Fault, type FaultMessage, toFaultMessage } from '../core/fault.ts';
import { BatchEncoder } from '../core/record-batch.ts';
import { kindName, type TagType, type ValueKind } from '../core/sample.ts';
import { tagPathKey } from '../core/tag-path.ts';
import type { TagClass } from '../core/topics.ts';
import type { NewTag, TagChange, TagDictionary, TagEntry } from './dictionary.ts';
import type { PublishedTag } from './published.ts';

/** How many tags there may be. */
export interface TagLimits {
  readonly perGateway: number;
  readonly perDevice: number;
}

export const TAG_LIMITS: TagLimits = { perGateway: 250_000, perDevice: 10_000 };

/** So much of a device's name is kept: ten thousand names of 64 kB would make a dictionary of gigabytes. */
const MAX_SOURCE_LENGTH = 256;

/** A tag that a worker met: its path is valid, its value's kind may teach the type. */
export interface TagQuestion {
  readonly path: string;
  readonly kind: ValueKind;
  /** After UCUM, as the configuration says; left out: it says nothing. */
  readonly unit?: string | undefined;
  /** As the configuration says; left out: standard. Of a tag that is there the dictionary knows it, and keeps it. */
  readonly class?: TagClass | undefined;
  readonly connector: string;
  readonly source: string;
}

/** The tag, or why it cannot be one. */
export type TagAnswer =
  | { readonly id: number; readonly type: TagType | null; readonly class: TagClass }
  | { readonly problem: 'case-conflict' | 'tag-quota'; readonly detail: string };

/** What a worker posts, and what comes back under the same id. */
export interface TagRequest {
  readonly id: number;
  readonly questions: readonly TagQuestion[];
}
export type TagReply =
  | { readonly id: number; readonly answers: readonly TagAnswer[] }
  /** The dictionary could not be written: no tag was added, the question may be put again. */
  | { readonly id: number; readonly fault: FaultMessage };

/** Gives tags their ids: finds known ones, adds new ones within the limits, learns types. Every answer is on the disk. */
export class TagRegistrar {
  private readonly dictionary: TagDictionary;
  private readonly clock: Clock;
  private readonly publish: (batch: Uint8Array<ArrayBuffer>, records: number) => void;
  private readonly limits: TagLimits;
  private readonly perDevice = new Map<string, number>();

  /** `publish` gets record batches for topic `tags`. */
  constructor(
    dictionary: TagDictionary,
    clock: Clock,
    publish: (batch: Uint8Array<ArrayBuffer>, records: number) => void,
    limits: TagLimits = TAG_LIMITS,
  ) {
    this.dictionary = dictionary;
    this.clock = clock;
    this.publish = publish;
    this.limits = limits;
  }

  /**
   * Counts what is there, and puts on record what a crash kept out of topic `tags`: every change behind `published`, the last one that stands there. Throws
   * `tag-dictionary-damaged` if the topic knows a tag that the dictionary has lost.
   */
  start(published: PublishedTag | undefined): void {
    for (const entry of this.dictionary.all()) this.count(entry);
    this.announce(this.changedSince(published));
  }

  private changedSince(published: PublishedTag | undefined): TagEntry[] {
    const changes = this.dictionary.changes();
    let from = 0;
    if (published !== undefined) {
      const { id, type, unit } = published;
      if (id > this.dictionary.size)
        throw new Fault(
          'tag-dictionary-damaged',
          `Tag ${id} stands in the log; the dictionary ends at ${this.dictionary.size}.`,
        );
      const entry = this.dictionary.byId(id);
      const isLatest = entry?.type === type && entry.unit === unit;
      from = (isLatest ? changes.lastIndexOf(id) : changes.indexOf(id)) + 1;
    }
    // Each tag once, at the place of its last change.
    const ids = [...new Set(changes.slice(from).toReversed())].toReversed();
    return ids.flatMap((id) => this.dictionary.byId(id) ?? []);
  }

  /** Answers a worker's requests. */
  serve(port: MessagePort): void {
    port.on('message', ({ id, questions }: TagRequest) => port.postMessage(this.reply(id, questions)));
  }

  private reply(id: number, questions: readonly TagQuestion[]): TagReply {
    try {
      return { id, answers: this.answer(questions) };
    } catch (error) {
      return { id, fault: toFaultMessage(error) };
    }
  }

  /** Answers in the order of the questions. New tags and types are synced before this returns. Throws `file-unwritable`: then nothing was added. */
  answer(questions: readonly TagQuestion[]): TagAnswer[] {
    const nowUs = this.clock.nowUs();
    const added = new Map<string, NewTag>();
    const addedPerDevice = new Map<string, number>();
    const learned = new Map<number, News>();
    const refused = new Map<TagQuestion, TagAnswer>();
    for (const question of questions) {
      const { path } = question;
      const type = typeOf(question.kind);
      const key = tagPathKey(path);
      const entry = this.dictionary.find(path);
      const adding = added.get(key);
      const known = entry ?? adding;
      if (known === undefined) {
        const tag = newTag(question, type, nowUs);
        const device = deviceOf(tag);
        const ofDevice = addedPerDevice.get(device) ?? 0;
        const refusal = this.refuse(tag, added.size, ofDevice);
        if (refusal === undefined) {
          added.set(key, tag);
          addedPerDevice.set(device, ofDevice + 1);
        } else {
          refused.set(question, refusal);
        }
      } else if (known.path !== path) {
        refused.set(question, { problem: 'case-conflict', detail: `${path} differs only in case from ${known.path}.` });
      } else {
        const news = newsIn(question, known);
        if (adding !== undefined) Object.assign(adding, news);
        // The first of a batch counts.
        else if (entry !== undefined && news !== undefined)
          learned.set(entry.id, { ...news, ...learned.get(entry.id) });
      }
    }
    const changes = [...learned].map(([id, change]) => ({ id, ...change, atUs: nowUs }));
    const entries = this.dictionary.append([...added.values()], changes);
    for (const entry of entries) this.count(entry);
    this.announce([...entries, ...[...learned.keys()].flatMap((id) => this.dictionary.byId(id) ?? [])]);
    return questions.map((question) => refused.get(question) ?? this.found(question.path));
  }

  private found(path: string): TagAnswer {
    const entry = this.dictionary.find(path);
    assert(entry !== undefined, 'a tag that was not refused is in the dictionary');
    return { id: entry.id, type: entry.type, class: entry.class };
  }

  private refuse(tag: NewTag, adding: number, addingOfDevice: number): TagAnswer | undefined {
    const { perGateway, perDevice } = this.limits;
    if (this.dictionary.size + adding >= perGateway)
      return { problem: 'tag-quota', detail: `The gateway has ${perGateway} tags; ${tag.path} would be one more.` };
    if ((this.perDevice.get(deviceOf(tag)) ?? 0) + addingOfDevice >= perDevice)
      return { problem: 'tag-quota', detail: `${tag.source} has ${perDevice} tags; ${tag.path} would be one more.` };
    return undefined;
  }

  private count(tag: TagEntry): void {
    const device = deviceOf(tag);
    this.perDevice.set(device, (this.perDevice.get(device) ?? 0) + 1);
  }

  /** Topic `tags`: a record for each change. */
  private announce(entries: readonly TagEntry[]): void {
    const encoder = new BatchEncoder();
    const text = new TextEncoder();
    const nowUs = this.clock.nowUs();
    const flush = (): void => {
      const records = encoder.count;
      if (records > 0) this.publish(encoder.finish(this.clock.nowMs()), records);
    };
    for (const { id, path, type, unit, class: tagClass, connector, createdUs } of entries) {
      const value = {
        v: 1,
        at: nowUs,
        id,
        path,
        former: [],
        type,
        unit,
        class: tagClass,
        range: null,
        description: null,
        connector,
        validFrom: createdUs,
      };
      encoder.addRecord(text.encode(path), text.encode(JSON.stringify(value)));
      if (encoder.bytes > 300_000) flush();
    }
    flush();
  }
}

type News = Pick<TagChange, 'type' | 'unit'>;

/** What a question teaches about a tag that is there, or undefined: nothing. */
function newsIn({ kind, unit }: TagQuestion, known: NewTag): News | undefined {
  const type = known.type === null ? typeOf(kind) : null;
  const isNewUnit = unit !== undefined && unit !== known.unit;
  if (type === null && !isNewUnit) return undefined;
  return { ...(type === null ? {} : { type }), ...(isNewUnit ? { unit } : {}) };
}

function typeOf(kind: ValueKind): TagType | null {
  const name = kindName(kind);
  return name === 'null' ? null : name;
}

function newTag(question: TagQuestion, type: TagType | null, nowUs: number): NewTag {
  const { path, unit = null, class: tagClass = 'standard', connector } = question;
  const source = question.source.slice(0, MAX_SOURCE_LENGTH);
  return { path, type, unit, class: tagClass, connector, source, createdUs: nowUs };
}

function deviceOf({ connector, source }: NewTag): string {
  return `${connector}\n${source}`;
}
