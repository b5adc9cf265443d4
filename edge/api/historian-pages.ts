import type { History } from '../../historian/history.ts';
import { Fault } from '../core/fault.ts';
import type { TagDictionary } from '../tags/dictionary.ts';
import type { HistoryPage, HistoryQuery } from './services.ts';

/** Answers a history query from the historian, tag by tag, each once however often and in whatever case it was asked for. Throws `tag-unknown` before the first page. */
export async function* historianPages(
  history: Pick<History, 'query'>,
  dictionary: Pick<TagDictionary, 'find'>,
  query: HistoryQuery,
): AsyncGenerator<HistoryPage> {
  const { fromUs, toUs, signal } = query;
  const tags = query.tags.map((path) => {
    const entry = dictionary.find(path);
    if (entry === undefined) throw new Fault('tag-unknown', path);
    return entry.path;
  });
  for (const tag of new Set(tags)) {
    for await (const page of history.query({ tag, fromUs, toUs }, signal)) {
      yield { tag, samples: page.samples(), gaps: page.gaps };
    }
  }
}
