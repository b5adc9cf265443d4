import type { MessagePort } from 'node:worker_threads';
import type { TagType } from '../core/sample.ts';
import { checkTagPath } from '../core/tag-path.ts';
import type { TagAnswer, TagQuestion, TagReply, TagRequest } from '../tags/registrar.ts';

/** A tag that may be logged. */
export interface KnownTag {
  readonly id: number;
  /** Absolute path. */
  readonly path: string;
  /** The path's bytes: the record key. */
  readonly key: Uint8Array;
  type: TagType | null;
  /** Who sent its last sample. */
  source: string;
}

/** Why a path cannot be a tag. */
export interface TagRefusal {
  readonly problem: 'bad-tag' | 'tag-too-long' | 'case-conflict' | 'tag-quota';
  readonly detail: string;
}

/** A source whose quota is full is not asked for again for so long. */
const QUOTA_PAUSE_MS = 10_000;
const MAX_FULL_SOURCES = 10_000;

/** The tags that this worker has met, by their path below the site; unknown ones are asked from the dictionary, many at once. */
export class TagTable {
  private readonly site: string;
  private readonly port: MessagePort;
  private readonly tags = new Map<string, KnownTag>();
  private readonly bySource = new Map<string, Set<KnownTag>>();
  private readonly fullSources = new Map<string, number>();
  private readonly waiting = new Map<number, (answers: readonly TagAnswer[]) => void>();
  private nextRequest = 1;

  constructor(site: string, port: MessagePort) {
    this.site = site;
    this.port = port;
  }

  /** Begins to listen for answers. */
  start(): this {
    this.port.on('message', (reply: TagReply) => {
      this.waiting.get(reply.id)?.(reply.answers);
      this.waiting.delete(reply.id);
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

  /** Tags whose last sample came from this source; from now on they are nobody's. */
  detach(source: string): ReadonlySet<KnownTag> {
    const tags = this.bySource.get(source) ?? new Set();
    this.bySource.delete(source);
    for (const tag of tags) tag.source = '';
    return tags;
  }

  /** Notes who sent a tag's last sample. */
  attribute(tag: KnownTag, source: string): void {
    if (tag.source === source) return;
    const before = this.bySource.get(tag.source);
    before?.delete(tag);
    if (before?.size === 0) this.bySource.delete(tag.source);
    tag.source = source;
    const now = this.bySource.get(source);
    if (now === undefined) this.bySource.set(source, new Set([tag]));
    else now.add(tag);
  }

  /**
   * Finds or adds tags (by relative path); afterwards `known` knows them, but for those in the result, which cannot be tags. One request for all.
   */
  async learn(wanted: ReadonlyMap<string, Omit<TagQuestion, 'path'>>, nowMs: number): Promise<Map<string, TagRefusal>> {
    const refused = new Map<string, TagRefusal>();
    const questions: TagQuestion[] = [];
    const names: string[] = [];
    for (const [relative, question] of wanted) {
      const path = this.absolute(relative);
      const problem = checkTagPath(path);
      if (problem !== undefined) refused.set(relative, { problem, detail: describe(problem, path) });
      else if ((this.fullSources.get(question.source) ?? 0) > nowMs)
        refused.set(relative, {
          problem: 'tag-quota',
          detail: `${question.source} has all the tags that it may have.`,
        });
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
        if (answer.problem === 'tag-quota') this.notePause(questions[i]?.source ?? '', nowMs);
      } else this.add(relative, answer);
    }
    return refused;
  }

  private add(relative: string, answer: { readonly id: number; readonly type: TagType | null }): void {
    const known = this.tags.get(relative);
    if (known !== undefined) {
      known.type = answer.type;
      return;
    }
    const path = this.absolute(relative);
    this.tags.set(relative, { ...answer, path, key: new TextEncoder().encode(path), source: '' });
  }

  private notePause(source: string, nowMs: number): void {
    if (this.fullSources.size >= MAX_FULL_SOURCES) this.fullSources.clear();
    this.fullSources.set(source, nowMs + QUOTA_PAUSE_MS);
  }

  private ask(questions: readonly TagQuestion[]): Promise<readonly TagAnswer[]> {
    const request: TagRequest = { id: this.nextRequest++, questions };
    return new Promise((resolve) => {
      this.waiting.set(request.id, resolve);
      this.port.postMessage(request);
    });
  }
}

function describe(problem: 'bad-tag' | 'tag-too-long', path: string): string {
  const shown = path.length > 300 ? `${path.slice(0, 300)}…` : path;
  return problem === 'bad-tag' ? `"${shown}" cannot be a tag path.` : `"${shown}" is longer than 255 bytes.`;
}
