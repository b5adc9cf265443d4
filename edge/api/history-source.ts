import type { History } from '../../historian/questions/history.ts';
import type { SiteCalendar } from './analysis/request.ts';
import { historianTables } from './analysis/table-pages.ts';
import type { HistorySource } from './history-answer.ts';
import { historianBuckets, pathsOf, samplePages } from './historian-pages.ts';
import type { KnownTags } from '../tags/near-tag.ts';

/** Stores that a question about history can be put to; both are filled from the log. */
export const SOURCES = ['historian', 'questdb'] as const;

/** A store that answers in place of the embedded historian, about the tags that this gateway knows. */
export function historySource(history: History, dictionary: KnownTags, calendar: SiteCalendar): HistorySource {
  return {
    samplePages: (query) => samplePages(history, dictionary, query),
    buckets: (query) => historianBuckets(history, dictionary, query),
    tables: (query) => historianTables(history, dictionary, calendar, query),
    paths: (tags) => pathsOf(dictionary, tags),
  };
}
