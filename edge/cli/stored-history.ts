import path from 'node:path';
import { openReadOnly } from '../../historian/open-read-only.ts';
import type { FoundFrames, FramesQuery } from '../api/analysis/frames-request.ts';
import { historianFrames } from '../api/analysis/frames.ts';
import type { HistorySource } from '../api/history-answer.ts';
import { historySource } from '../api/history-source.ts';
import type { Config } from '../config/schema.ts';
import { realDisk } from '../core/disk.ts';
import { Fault } from '../core/fault.ts';
import { siteCalendar } from '../site-calendar.ts';
import { TagDictionary } from '../tags/dictionary.ts';
import { openTier } from './open-tier.ts';

/** What the routes about history would be answered from. */
export interface StoredHistory extends HistorySource, Disposable {
  frames(query: FramesQuery): AsyncIterable<FoundFrames>;
}

/** Opens the history of a gateway that does not run: its files. Throws `tag-unknown` where there is none, and what keeps it from being read. */
export function openStoredHistory(config: Pick<Config, 'data' | 'site' | 'historian'>): StoredHistory {
  const { data } = config;
  const dictionary = new TagDictionary(realDisk, path.join(data, 'tags'));
  dictionary.openReadOnly();
  // A mistyped folder must not pass for a mistyped tag.
  if (dictionary.size === 0) throw new Fault('tag-unknown', `There is no tag in ${data}.`);
  const history = openReadOnly({ folder: path.join(data, 'historian'), logFolder: path.join(data, 'log') });
  const tier = openTier(config);
  const samples = tier?.behind(history) ?? history;
  return {
    ...historySource(samples, dictionary, siteCalendar(config)),
    frames: (query) => historianFrames(samples, dictionary, query),
    [Symbol.dispose](): void {
      void tier?.close();
      history.close();
      dictionary.close();
    },
  };
}
