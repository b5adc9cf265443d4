import path from 'node:path';
import { openReadOnly } from '../../historian/open-read-only.ts';
import { bucketsText } from '../api/buckets-text.ts';
import { historianBuckets, historianPages } from '../api/historian-pages.ts';
import { type HistoryFormat, historyText } from '../api/history-text.ts';
import type { Reduction } from '../api/services.ts';
import { parseSpan } from '../api/time-text.ts';
import { realDisk } from '../core/disk.ts';
import { Fault } from '../core/fault.ts';
import { TagDictionary } from '../tags/dictionary.ts';

interface StoredQuery {
  readonly tags: readonly string[];
  readonly from: string | undefined;
  readonly to: string | undefined;
  /** Undefined: the samples themselves. */
  readonly reduction: Reduction | undefined;
  readonly format: HistoryFormat;
  /** Told in how many spans samples may be missing. */
  readonly onEnd: (gaps: number) => void;
}

/** What the route `/api/v1/history` would answer, from the files of a gateway that does not run. */
export async function* storedHistory(dataFolder: string, query: StoredQuery): AsyncGenerator<string> {
  const { tags, from, to, reduction, format, onEnd } = query;
  const dictionary = new TagDictionary(realDisk, path.join(dataFolder, 'tags'));
  dictionary.openReadOnly();
  // A mistyped folder must not pass for a mistyped tag.
  if (dictionary.size === 0) throw new Fault('tag-unknown', `There is no tag in ${dataFolder}.`);
  const history = openReadOnly({
    folder: path.join(dataFolder, 'historian'),
    logFolder: path.join(dataFolder, 'log'),
  });
  try {
    const { signal } = new AbortController();
    const asked = { tags, ...parseSpan(from, to), signal };
    const manyTags = tags.length > 1;
    if (reduction === undefined)
      yield* historyText(format, manyTags, historianPages(history, dictionary, asked), onEnd);
    else {
      const pages = historianBuckets(history, dictionary, { ...asked, reduction });
      yield* bucketsText(format, manyTags, reduction, pages, onEnd);
    }
  } finally {
    history.close();
    dictionary.close();
  }
}
