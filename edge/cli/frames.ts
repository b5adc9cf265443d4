import { Command, Option } from 'commander';
import { framesText } from '../api/analysis/frames.ts';
import { type FramesTexts, parseFrames } from '../api/analysis/frames-request.ts';
import { GAPS_TRAILER, HISTORY_MEDIA_TYPES, type HistoryFormat } from '../api/history-text.ts';
import { parseSpan } from '../api/time-text.ts';
import { gatewayAt } from '../lock/gateway-client.ts';
import { type ConfigOption, configOption, findConfig, withExample } from './options.ts';
import { writeOutput } from './output.ts';
import { untilEnded } from './signals.ts';
import { openStoredHistory } from './stored-history.ts';

interface FramesOptions extends ConfigOption, FramesTexts {
  readonly from?: string;
  readonly to?: string;
  readonly format: HistoryFormat;
  readonly output?: string;
}

const CONDITION = [
  'above',
  'below',
  'outside',
  'inside',
  'equals',
  'quality',
  'for',
  'deadband',
  'bridge',
  'stale',
  'treatUncertainAsBad',
] as const satisfies readonly (keyof FramesTexts)[];

/** `millrace frames` */
export function framesCommand(): Command {
  const command = new Command('frames')
    .description(
      'Prints event frames: when tags were above, below or in a state, for how long, and what their values were then; from the running gateway or, without one, from its files.',
    )
    .argument('<tag...>', 'absolute tag paths')
    .addOption(configOption())
    .option('--above <number>', 'the value is above it')
    .option('--below <number>', 'the value is below it')
    .option('--outside <low,high>', 'the value is below the first or above the second')
    .option('--inside <low,high>', 'the value is from the first to the second')
    .option('--equals <state>', 'the value is this number, true or false')
    .addOption(
      new Option('--quality <quality>', 'the quality is that, or there is no value').choices(['bad', 'not-good']),
    )
    .option('--for <time>', 'only what lasts longer, such as 5m')
    .option('--deadband <number>', 'so far back behind the limit the value must come before it ends (default: 0)')
    .option('--bridge <time>', 'gaps up to this length do not end it')
    .option('--stale <time>', 'a value that is older is none (default: it holds until the next one)')
    .addOption(new Option('--treat-uncertain-as-bad <flag>', '(default: true)').choices(['true', 'false']))
    .option('--from <time>', 'first time, ISO 8601 with a zone (default: from the beginning)')
    .option('--to <time>', 'first time that is no longer wanted (default: to the end)')
    .addOption(new Option('--format <format>', 'format').choices(['csv', 'json']).default('csv'))
    .option('-o, --output <file>', 'file to write, which appears when it is whole (default: standard output)')
    .action(frames);
  return withExample(
    command,
    'millrace frames plant/press1/temperature --above 80 --for 5m --from 2026-03-01T00:00:00Z',
  );
}

async function frames(tags: readonly string[], options: FramesOptions): Promise<void> {
  const { from, to, format, output } = options;
  // Said before anything is opened.
  const request = parseFrames(options, 'usage');
  const span = parseSpan(from, to, 'usage');
  const { config } = await findConfig(options);
  let gaps = 0;
  const onEnd = (count: number): void => void (gaps = count);
  const gateway = await gatewayAt(config.data);
  if (gateway === undefined) {
    using stored = openStoredHistory(config);
    await untilEnded(async (signal) => {
      const found = stored.frames({ tags, ...span, ...request, signal });
      await writeOutput(framesText(format, tags.length > 1, found, onEnd), output, signal);
    });
  } else {
    try {
      const accept = HISTORY_MEDIA_TYPES[format].split(';')[0] ?? '';
      const onTrailers = (trailers: NodeJS.Dict<string>): void => onEnd(Number(trailers[GAPS_TRAILER] ?? 0));
      await writeOutput(await gateway.stream(requestFor(tags, options), { accept, onTrailers }), output);
    } finally {
      gateway.close();
    }
  }
  if (gaps > 0 && format === 'csv')
    process.stderr.write(
      `millrace: samples may be missing in ${gaps} ${gaps === 1 ? 'span' : 'spans'}; --format json says where and why\n`,
    );
}

/** Path and query of the route. */
function requestFor(tags: readonly string[], options: FramesOptions): string {
  const query = new URLSearchParams();
  for (const tag of tags) query.append('tag', tag);
  for (const name of [...CONDITION, 'from', 'to'] as const) {
    const value = options[name];
    if (value !== undefined) query.set(name, value);
  }
  return `/api/v1/event-frames?${query.toString()}`;
}
