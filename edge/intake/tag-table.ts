import type { MessagePort } from 'node:worker_threads';
import { fromFaultMessage } from '../core/fault.ts';
import type { TagType } from '../core/sample.ts';
import { checkTagPath } from '../core/tag-path.ts';
import { type SampleTopic, sampleTopic, type TagClass } from '../core/topics.ts';
import type { TagAnswer, TagQuestion, TagReply, TagRequest } from '../tags/registrar.ts';
import { SampleKey } from '../core/sample-key.ts';

/** A tag that may be logged. */
export interface KnownTag {
  readonly id: number;
  /** Absolute path. */
  readonly path: string;
  /** The record key: the path. */
  readonly key: SampleKey;
  type: TagType | null;
  /** As the dictionary has it: it never changes. */
  readonly class: TagClass;
  /** Where its samples lie, by its class. */
  readonly topic: SampleTopic;
  /** Unit that the dictionary was last told of by this worker; undefined: of none. It is told once, so that two that disagree do not fill the dictionary. */
  unit: string | undefined;
  /** Who sent its last sample, through which connector; both empty: nobody who is connected. */
  connector: string;
  source: string;
  /** Latest time of its samples that is no suspect, µs; -Infinity: none yet. */
  lastUs: number;
  /** Time of a null sample of a lost connection that no value has ended yet, µs; -Infinity: there is none. */
  gapUs: number;
}

/** Why a path cannot be a tag. */
export interface TagRefusal {
  readonly problem: 'bad-tag' | 'tag-too-long' | 'case-conflict' | 'tag-quota';
  readonly detail: string;
}

/** A path that was refused is not asked for again for so long; beyond the bound all of them are asked for again. */
const REFUSED_FOR_MS = 10_000;
const MAX_REFUSED = 10_000;

interface Waiting {
  readonly resolve: (answers: readonly TagAnswer[]) => void;
  readonly reject: (fault: Error) => void;
}

/** The tags that this worker has met, by their path below the site; unknown ones are asked from the dictionary, many at once. */
export class TagTable {
  private readonly site: string;
  private readonly port: MessagePort;
  private readonly tags = new Map<string, KnownTag>();
  /** Tags by connector and source. */
  private readonly owned = new Map<string, Map<string, Set<KnownTag>>>();
  private readonly refused = new Map<string, { readonly refusal: TagRefusal; readonly untilMs: number }>();
  private readonly waiting = new Map<number, Waiting>();
  private nextRequest = 1;

  constructor(site: string, port: MessagePort) {
    this.site = site;
    this.port = port;
  }

  /** Begins to listen for answers. */
  start(): this {
    this.port.on('message', (reply: TagReply) => {
      const waiting = this.waiting.get(reply.id);
      this.waiting.delete(reply.id);
      if ('fault' in reply) waiting?.reject(fromFaultMessage(reply.fault));
      else waiting?.resolve(reply.answers);
    });
    return this;
  }

  /** A tag that is known here, by its path below the site. */
  known(relative: string): KnownTag | undefined {
    return this.tags.get(relative);
  }

  absolute(relative: string): string {
    return `${this.site}/${relative}`;
  }

  /** Sources of a connector that have tags. */
  sources(connector: string): string[] {
    return [...(this.owned.get(connector)?.keys() ?? [])];
  }

  /** Tags whose last sample came from this source; from now on they are nobody's. */
  detach(connector: string, source: string): ReadonlySet<KnownTag> {
    const sources = this.owned.get(connector);
    const tags = sources?.get(source) ?? new Set();
    sources?.delete(source);
    for (const tag of tags) {
      tag.connector = '';
      tag.source = '';
    }
    return tags;
  }

  /** Notes who sent a tag's last sample. */
  attribute(tag: KnownTag, connector: string, source: string): void {
    if (tag.source === source && tag.connector === connector) return;
    const before = this.owned.get(tag.connector);
    const left = before?.get(tag.source);
    left?.delete(tag);
    if (left?.size === 0) before?.delete(tag.source);
    tag.connector = connector;
    tag.source = source;
    const sources = this.owned.get(connector) ?? new Map<string, Set<KnownTag>>();
    this.owned.set(connector, sources);
    const now = sources.get(source);
    if (now === undefined) sources.set(source, new Set([tag]));
    else now.add(tag);
  }

  /**
   * Finds or adds tags (by relative path); afterwards `known` knows them, but for those in the result, which cannot be tags. One request for all. Throws the Fault of a
   * dictionary that cannot be written.
   */
  async learn(wanted: ReadonlyMap<string, Omit<TagQuestion, 'path'>>, nowMs: number): Promise<Map<string, TagRefusal>> {
    const refused = new Map<string, TagRefusal>();
    const questions: TagQuestion[] = [];
    const names: string[] = [];
    for (const [relative, question] of wanted) {
      const path = this.absolute(relative);
      const problem = checkTagPath(path);
      const before = this.refused.get(relative);
      if (problem !== undefined) refused.set(relative, { problem, detail: describe(problem, path) });
      else if (before !== undefined && before.untilMs > nowMs) refused.set(relative, before.refusal);
      else {
        questions.push({ ...question, path });
        names.push(relative);
      }
    }
    if (questions.length === 0) return refused;
    const answers = await this.ask(questions);
    for (const [i, answer] of answers.entries()) {
      const relative = names[i] ?? '';
      if ('problem' in answer) {
        refused.set(relative, answer);
        this.noteRefused(relative, answer, nowMs);
      } else this.add(relative, answer, questions[i]?.unit);
    }
    return refused;
  }

  private add(relative: string, answer: Extract<TagAnswer, { id: number }>, unit: string | undefined): void {
    const { id, type, class: tagClass } = answer;
    const known = this.tags.get(relative);
    if (known !== undefined) {
      known.type = type;
      known.unit ??= unit;
      return;
    }
    const path = this.absolute(relative);
    const key = SampleKey.of(path);
    this.tags.set(relative, {
      id,
      type,
      class: tagClass,
      topic: sampleTopic(tagClass),
      unit,
      path,
      key,
      connector: '',
      source: '',
      lastUs: -Infinity,
      gapUs: -Infinity,
    });
  }

  private noteRefused(relative: string, refusal: TagRefusal, nowMs: number): void {
    if (this.refused.size >= MAX_REFUSED) this.refused.clear();
    this.refused.set(relative, { refusal, untilMs: nowMs + REFUSED_FOR_MS });
  }

  private ask(questions: readonly TagQuestion[]): Promise<readonly TagAnswer[]> {
    const request: TagRequest = { id: this.nextRequest++, questions };
    return new Promise((resolve, reject) => {
      this.waiting.set(request.id, { resolve, reject });
      this.port.postMessage(request);
    });
  }
}

function describe(problem: 'bad-tag' | 'tag-too-long', path: string): string {
  const shown = path.length > 300 ? `${path.slice(0, 300)}…` : path;
  return problem === 'bad-tag' ? `"${shown}" cannot be a tag path.` : `"${shown}" is longer than 255 bytes.`;
}
