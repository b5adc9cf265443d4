import { z } from 'zod';
import { AGGREGATE_FUNCTIONS } from '../../../historian/aggregates/aggregate.ts';
import { CALENDAR_UNITS } from '../../../historian/analysis/calendar.ts';
import { AGGREGATES } from '../../../historian/queries/bucket-page.ts';
import { COUNTED, INTERVALS, MAX_TIMES } from './parameters.ts';

const code = (names: readonly string[]): string => names.map((name) => `\`${name}\``).join(', ');
const text = (expected: string, meaning: string) => z.string(expected).optional().describe(meaning);
const TAGS = '1 to 1,000 tag paths';
const TIME = 'a time with a zone, such as 2026-03-01T12:00:00Z';

/** Parameters of every question about the history of some tags. */
export const tagsAndSpan = {
  tag: z
    .array(z.string(TAGS).min(1, TAGS), TAGS)
    .min(1, TAGS)
    .max(1000, TAGS)
    .describe('Path of a tag; may be given several times.'),
  from: z.string(TIME).optional().describe('First time. ISO 8601 with a zone. Left out: from the beginning.'),
  to: z.string(TIME).optional().describe('First time that is no longer wanted. Left out: to the end.'),
};

/** Parameters of a history beside its tags and its span. What they mean together is checked by `parseWish`. */
export const historyParameters = {
  interval: text(
    INTERVALS,
    `Aggregates of each interval instead of samples: a time such as \`250ms\`, \`30s\`, \`1m\`, \`1h\`, counted from the epoch in UTC, or, on the clock of the site, ${code([...CALENDAR_UNITS, 'shift'])}.`,
  ),
  aggregate: text(
    'names with commas between',
    `Beside interval, with commas between: some of ${code(AGGREGATES)} (of the values of quality Good), of OPC UA Part 13 in any case: ${code(AGGREGATE_FUNCTIONS)}, each with its StatusCode; or \`${COUNTED}\`: what a counter has counted.`,
  ),
  timezone: text(
    'a time zone',
    'Beside a calendar unit: another clock than that of the site, such as `Europe/Berlin`.',
  ),
  stepped: text(
    'true or false',
    'With aggregates of Part 13, or `method=interpolated`: values hold until the next one (`true`), or lines lie between them (`false`). Left out: lines between doubles and floats alone.',
  ),
  treatUncertainAsBad: text(
    'true or false',
    'Uncertain values count as Bad ones (Part 13, 4.2.1.2). Left out: `true`.',
  ),
  percentDataGood: text('0 to 100', 'Percent of Good data from which on a result is Good. Left out: 100.'),
  percentDataBad: text('0 to 100', 'Percent of Bad data from which on a result is Bad. Left out: 100.'),
  useSlopedExtrapolation: text(
    'true or false',
    'Behind the last value the line through the last two goes on (`true`), or the last value holds. Left out: `false`.',
  ),
  at: z
    .array(z.string(TIME), TIME)
    .min(1, TIME)
    .max(MAX_TIMES, `at most ${MAX_TIMES} times`)
    .optional()
    .describe('Values at this time; may be given several times.'),
  every: text(INTERVALS, 'Values at the beginning of each of these intervals, written as those of `interval`.'),
  method: text(
    'interpolated, stepped, previous or next',
    'Beside at or every: `interpolated` between the nearest good values (the default; of other types than double and float the value that holds), `stepped`: the good value that holds, `previous` or `next`: the nearest good sample itself, with its time.',
  ),
  points: text(
    '1 to 10,000',
    'For a chart of so many points (1 to 10,000): the samples, or min, max, first, last and count of as many buckets.',
  ),
  shape: text(
    'minmax or lttb',
    'Beside points: samples that draw the same chart. `minmax`: first, least, greatest and last of each of so many pixels; `lttb`: about so many (largest triangle three buckets).',
  ),
  layout: text(
    'long or wide',
    '`wide`: one row for each time, with a column for each tag (at most 100 tags). Left out: `long`.',
  ),
  rollover: text(
    'a number',
    'Beside `aggregate=counted`, over what the configuration says: the counter begins again from 0 before this number.',
  ),
  maxPerSecond: text('a number', 'Beside `aggregate=counted`: it never counts faster.'),
  correction: text('a number', 'Beside `aggregate=counted`: a step back that is not larger sets the reading right.'),
};
