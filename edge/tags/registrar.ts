import type { MessagePort } from 'node:worker_threads';
import type { Clock } from '../core/clock.ts';
import { BatchEncoder } from '../core/record-batch.ts';
import { kindName, type TagType, type ValueKind } from '../core/sample.ts';
import { tagPathKey } from '../core/tag-path.ts';
import type { NewTag, TagDictionary, TagEntry } from './dictionary.ts';

/** Tags that a gateway can have, and of these one device. */
export const MAX_TAGS = 250_000;
export const MAX_TAGS_PER_DEVICE = 10_000;

/** A tag that a worker met: its path is valid, its value's kind may teach the type. */
export interface TagQuestion {
  readonly path: string;
  readonly kind: ValueKind;
  readonly connector: string;
  readonly source: string;
}

/** The tag, or why it cannot be one. */
export type TagAnswer =
  | { readonly id: number; readonly type: TagType | null }
  | { readonly problem: 'case-conflict' | 'tag-quota'; readonly detail: string };

/** What a worker posts, and what comes back under the same id. */
export interface TagRequest {
  readonly id: number;
  readonly questions: readonly TagQuestion[];
}
export interface TagReply {
  readonly id: number;
  readonly answers: readonly TagAnswer[];
}

/** Gives tags their ids: finds known ones, adds new ones within the limits, learns types. Every answer is on the disk. */
export class TagRegistrar {
  private readonly dictionary: TagDictionary;
  private readonly clock: Clock;
  private readonly publish: (batch: Uint8Array<ArrayBuffer>, records: number) => void;
  private readonly perDevice = new Map<string, number>();

  /** `publish` gets record batches for topic `tags`. */
  constructor(
    dictionary: TagDictionary,
    clock: Clock,
    publish: (batch: Uint8Array<ArrayBuffer>, records: number) => void,
  ) {
    this.dictionary = dictionary;
    this.clock = clock;
    this.publish = publish;
  }

  /** Counts what is there, and puts on record what a crash kept out of topic `tags`: everything above `publishedId`. */
  start(publishedId: number): void {
    for (const entry of this.dictionary.all()) this.count(entry);
    this.announce(this.dictionary.all().slice(publishedId));
  }

  /** Answers a worker's requests. */
  serve(port: MessagePort): void {
    port.on('message', (request: TagRequest) => {
      const reply: TagReply = { id: request.id, answers: this.answer(request.questions) };
      port.postMessage(reply);
    });
  }

  /** Answers in the order of the questions. New tags and types are synced before this returns. */
  answer(questions: readonly TagQuestion[]): TagAnswer[] {
    const nowUs = this.clock.nowUs();
    const added = new Map<string, NewTag>();
    const learned = new Map<number, TagType>();
    const refused = new Map<TagQuestion, TagAnswer>();
    for (const question of questions) {
      const type = typeOf(question.kind);
      const entry = this.dictionary.find(question.path);
      const adding = added.get(tagPathKey(question.path));
      const known = entry ?? adding;
      if (known === undefined) {
        const refusal = this.refuse(question, added.size);
        if (refusal === undefined) {
          const { path, connector, source } = question;
          added.set(tagPathKey(path), { path, type, connector, source, createdUs: nowUs });
          this.count(question);
        } else {
          refused.set(question, refusal);
        }
      } else if (known.path !== question.path) {
        const detail = `${question.path} differs only in case from ${known.path}.`;
        refused.set(question, { problem: 'case-conflict', detail });
      } else if (known.type === null && type !== null) {
        if (adding !== undefined) adding.type = type;
        else if (entry !== undefined && !learned.has(entry.id)) learned.set(entry.id, type);
      }
    }
    const types = [...learned].map(([id, type]) => ({ id, type, atUs: nowUs }));
    const entries = this.dictionary.append([...added.values()], types);
    this.announce([...entries, ...[...learned.keys()].flatMap((id) => this.dictionary.byId(id) ?? [])]);
    return questions.map((question) => refused.get(question) ?? this.found(question.path));
  }

  private found(path: string): TagAnswer {
    const entry = this.dictionary.find(path);
    if (entry === undefined) return { problem: 'tag-quota', detail: `${path} could not be added.` };
    return { id: entry.id, type: entry.type };
  }

  private refuse({ path, connector, source }: TagQuestion, adding: number): TagAnswer | undefined {
    if (this.dictionary.size + adding >= MAX_TAGS)
      return { problem: 'tag-quota', detail: `The gateway has ${MAX_TAGS} tags; ${path} would be one more.` };
    if ((this.perDevice.get(`${connector}\n${source}`) ?? 0) >= MAX_TAGS_PER_DEVICE)
      return { problem: 'tag-quota', detail: `${source} has ${MAX_TAGS_PER_DEVICE} tags; ${path} would be one more.` };
    return undefined;
  }

  private count({ connector, source }: { readonly connector: string; readonly source: string }): void {
    const device = `${connector}\n${source}`;
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
    for (const { id, path, type, connector, createdUs } of entries) {
      const value = {
        v: 1,
        at: nowUs,
        id,
        path,
        former: [],
        type,
        unit: null,
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

function typeOf(kind: ValueKind): TagType | null {
  const name = kindName(kind);
  return name === 'null' ? null : name;
}
