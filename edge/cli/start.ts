import { Command, Option } from 'commander';
import type { ConnectorStatus } from '../api/services.ts';
import { type Address, formatAddress } from '../config/address.ts';
import { isDemoFile } from '../demo/configuration.ts';
import { createLogger, LOG_FORMATS, LOG_LEVELS, type LogFormat, type LogLevel } from './logger.ts';
import { type ConfigOption, ownConfigOption, openConfig, withExample } from './options.ts';
import { endOnSignals } from './signals.ts';

interface StartOptions extends ConfigOption {
  readonly logLevel: LogLevel;
  readonly logFormat?: LogFormat;
}

/** `millrace start` */
export function startCommand(): Command {
  const command = new Command('start')
    .description('Runs a gateway until SIGTERM or Ctrl-C; then it drains and closes within 10 s.')
    .addOption(ownConfigOption())
    .addOption(new Option('--log-level <level>', 'how much is logged').choices(LOG_LEVELS).default('info'))
    .addOption(
      new Option('--log-format <format>', 'text on a terminal, JSON elsewhere, unless told').choices(LOG_FORMATS),
    )
    .action(start);
  return withExample(command, 'millrace start -c /etc/millrace/millrace.yaml');
}

async function start(options: StartOptions): Promise<void> {
  const { config, file } = await openConfig(options);
  const log = createLogger(options.logLevel, options.logFormat);
  const signal = endOnSignals(log);
  if (file !== null && isDemoFile(file))
    log.warn('this is the configuration of the demo, whose plant does not run with it: `millrace demo` runs both');
  process.on('uncaughtException', (error) => {
    log.fatal({ err: error }, 'ended by an error of its own');
    process.exit(1);
  });
  const { runGateway } = await import('../gateway.ts');
  await runGateway({
    config,
    configFile: file,
    signal,
    log,
    onStarted: (http, connectors) =>
      log.info({ site: config.site.name, data: config.data }, startedText(http, connectors)),
  });
  log.info('stopped');
}

/** What works, and what does not yet and why. */
export function startedText(http: Address, connectors: readonly ConnectorStatus[]): string {
  const places = [`http://${formatAddress(http)}`];
  const missing: string[] = [];
  for (const { name, kind, state, address, detail } of connectors) {
    if (state === 'up') places.push(`${kind} ${address}`);
    else missing.push(`${name} is ${state}${detail === null ? '' : ` (${detail})`}`);
  }
  const listening = places.join(', ');
  return missing.length === 0 ? `ready: ${listening}` : `not ready: ${missing.join(', ')}; listening: ${listening}`;
}
