import { type Command, Option } from 'commander';
import { CALENDAR_UNITS } from '../../historian/analysis/calendar.ts';
import { AGGREGATES } from '../../historian/queries/bucket-page.ts';
import type { TableTexts } from '../api/analysis/parameters.ts';
import { METHODS } from '../api/analysis/request.ts';

/** Parameters of the history route that `millrace history` takes as options of the same meaning. */
export type HistoryParameters = { -readonly [name in keyof TableTexts]?: TableTexts[name] };

/** Their names. */
const HISTORY_PARAMETERS = [
  'interval',
  'aggregate',
  'timezone',
  'stepped',
  'treatUncertainAsBad',
  'percentDataGood',
  'percentDataBad',
  'useSlopedExtrapolation',
  'at',
  'every',
  'method',
  'points',
  'shape',
  'layout',
  'rollover',
  'maxPerSecond',
  'correction',
] as const satisfies readonly (keyof TableTexts)[];

const flag = (name: string, meaning: string): Option =>
  new Option(`${name} <flag>`, meaning).choices(['true', 'false']);

/** Adds them to the command. */
export function withHistoryOptions(command: Command): Command {
  return command
    .option(
      '--interval <time>',
      `aggregates of each interval: a time such as 1m, counted from the epoch in UTC, or ${CALENDAR_UNITS.join(', ')}, shift on the clock of the site`,
    )
    .option(
      '--aggregate <names>',
      `some of ${AGGREGATES.join(',')} (of the values of quality Good), or of OPC UA Part 13 (TimeAverage2, PercentGood, ...) with their StatusCodes; or counted: what a counter has counted`,
    )
    .option('--timezone <zone>', 'another clock for calendar intervals, such as Europe/Berlin')
    .addOption(flag('--stepped', 'values hold until the next one (default: but doubles and floats)'))
    .addOption(flag('--treat-uncertain-as-bad', 'of Part 13 (default: true)'))
    .option('--percent-data-good <percent>', 'of Part 13 (default: 100)')
    .option('--percent-data-bad <percent>', 'of Part 13 (default: 100)')
    .addOption(flag('--use-sloped-extrapolation', 'of Part 13 (default: false)'))
    .option('--at <time...>', 'values at these times')
    .option('--every <time>', 'values at the beginning of each interval, such as 10s, 1h or day')
    .addOption(
      new Option('--method <method>', 'how values at times are found (default: interpolated)').choices(METHODS),
    )
    .option('--points <count>', 'what a chart of so many points shows, 1 to 10,000')
    .addOption(
      new Option('--shape <shape>', 'beside --points: samples that draw the same chart').choices(['minmax', 'lttb']),
    )
    .addOption(
      new Option('--layout <layout>', 'wide: a row for each time, a column for each tag').choices(['long', 'wide']),
    )
    .option('--rollover <number>', 'beside --aggregate counted: where the counter begins again from 0')
    .option('--max-per-second <number>', 'beside --aggregate counted: it never counts faster')
    .option('--correction <number>', 'beside --aggregate counted: a step back that sets the reading right');
}

/** Those that were given. */
export function historyParametersOf(options: HistoryParameters): HistoryParameters {
  return Object.fromEntries(
    HISTORY_PARAMETERS.flatMap((name) => (options[name] === undefined ? [] : [[name, options[name]]])),
  );
}
