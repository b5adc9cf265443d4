import path from 'node:path';
import { openReadOnly } from '../../historian/open-read-only.ts';
import { historianPages } from '../api/historian-pages.ts';
import { type HistoryFormat, historyText } from '../api/history-text.ts';
import { parseTime } from '../api/time-text.ts';
import { realDisk } from '../core/disk.ts';
import { MAX_TIME_US } from '../core/sample.ts';
import { TagDictionary } from '../tags/dictionary.ts';

interface StoredQuery {
  readonly tags: readonly string[];
  readonly from: string | undefined;
  readonly to: string | undefined;
  readonly format: HistoryFormat;
}

/** What the route `/api/v1/history` would answer, from the files of a gateway that does not run. */
export async function* storedHistory(dataFolder: string, query: StoredQuery): AsyncGenerator<string> {
  const { tags, from, to, format } = query;
  const dictionary = new TagDictionary(realDisk, path.join(dataFolder, 'tags'));
  dictionary.openReadOnly();
  const history = openReadOnly({
    folder: path.join(dataFolder, 'historian'),
    logFolder: path.join(dataFolder, 'log'),
  });
  try {
    const fromUs = from === undefined ? -MAX_TIME_US : parseTime(from);
    const toUs = to === undefined ? MAX_TIME_US : parseTime(to);
    const { signal } = new AbortController();
    const pages = historianPages(history, dictionary, { tags, fromUs, toUs, signal });
    yield* historyText(format, tags.length > 1, pages);
  } finally {
    history.close();
    dictionary.close();
  }
}
