import type { TagClass } from '../core/topics.ts';
import type { KnownTag } from './tag-table.ts';

/** So many tags are named; of the others it is told how many they are. */
const MAX_NAMED = 3;

interface Kept {
  readonly named: string[];
  count: number;
}

/** Tags for which the configuration names another class than the one that they have. They stay in their topic; that is told once for each, of many tags together. */
export class KeptClasses {
  private readonly noted = new Set<KnownTag>();
  private readonly news = new Map<string, Kept>();

  /** The configuration names this class for the tag, which has another one. */
  note(tag: KnownTag, configured: TagClass): void {
    if (this.noted.has(tag)) return;
    this.noted.add(tag);
    const how = `of class ${tag.class} (topic ${tag.topic}), the configuration says ${configured}`;
    const kept = this.news.get(how) ?? { named: [], count: 0 };
    this.news.set(how, kept);
    if (kept.count++ < MAX_NAMED) kept.named.push(tag.path);
  }

  /** What was noted since the last call, a sentence for each kind of change. */
  take(): string[] {
    const sentences = [...this.news].map(([how, { named, count }]) => {
      const more = count > named.length ? ` and ${count - named.length} more` : '';
      return `${named.join(', ')}${more}: ${how}. A tag lives in one topic for ever: its class stays.`;
    });
    this.news.clear();
    return sentences;
  }
}
