import { HistoryPage, pagesOf, type RawQuery, type TagSummary } from '../../../historian/queries/history.ts';
import type { History } from '../../../historian/questions/history.ts';
import type { Points } from '../../../historian/points/points.ts';
import { analysisOfPages } from '../../../historian/questions/analysis-of-pages.ts';
import type { KnownTags } from '../../tags/near-tag.ts';
import type { HistorySample } from '../history-services.ts';

type Samples = ReadonlyMap<string, readonly HistorySample[]>;

/** For tests: samples in memory behind the port of the historian, all of a tag in one page. */
export function memoryHistory(
  samples: Samples,
  pointsOf: (samples: readonly HistorySample[]) => Points,
): Pick<History, 'analysisPage' | 'page' | 'query' | 'summaries'> {
  const page = ({ tag, fromUs, toUs }: RawQuery): Promise<HistoryPage> => {
    const inside = (samples.get(tag) ?? []).filter(({ timeUs }) => timeUs >= fromUs && timeUs < toUs);
    return Promise.resolve(new HistoryPage(tag, pointsOf(inside), [], [], null));
  };
  const summaries = (tags: readonly string[]): Promise<TagSummary[]> => {
    const known = tags.flatMap((tag) => {
      const times = (samples.get(tag) ?? []).map(({ timeUs }) => timeUs);
      const span = { firstUs: Math.min(...times), lastUs: Math.max(...times) };
      return times.length === 0 ? [] : [{ tag, samples: times.length, ...span }];
    });
    return Promise.resolve(known);
  };
  return {
    page,
    summaries,
    analysisPage: (query) => analysisOfPages({ page, summaries }, query),
    query: (query, signal) => pagesOf({ page }, query, signal),
  };
}

/** Their tags, all of doubles. */
export function memoryDictionary(samples: Samples): KnownTags {
  const entry = { id: 1, type: 'double', unit: null, class: 'standard', connector: 'floor' } as const;
  const all = () => Array.from(samples.keys(), (path) => ({ ...entry, path, source: 'pump', createdUs: 0 }));
  return { all, find: (tag) => all().find(({ path }) => path.toLowerCase() === tag.toLowerCase()) };
}
