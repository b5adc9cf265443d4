import type { KnownCounter } from '../historian/analysis/counter-rules.ts';
import { tagMatcher } from './api/tag-match.ts';
import type { SiteCalendar } from './api/analysis/request.ts';
import type { Config } from './config/schema.ts';

/** The clock, the shifts and the counters of a site. */
export function siteCalendar({ site, historian }: Pick<Config, 'site' | 'historian'>): SiteCalendar {
  const counters = historian.counters.map((counter) => {
    return { fits: tagMatcher(`${site.name}/${counter.match}`), counter: knownCounter(counter) };
  });
  return {
    timezone: site.timezone,
    shifts: site.shifts,
    counterOf: (path) => counters.find(({ fits }) => fits(path))?.counter,
  };
}

function knownCounter({ match: _match, replaced, ...rules }: Config['historian']['counters'][number]): KnownCounter {
  if (replaced === undefined) return rules;
  const replacements = replaced.map(({ at, last, first }) => {
    return { timeUs: at, readings: last === undefined || first === undefined ? null : { last, first } };
  });
  return { ...rules, replacements };
}
