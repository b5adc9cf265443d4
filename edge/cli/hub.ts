import { Command, Option } from 'commander';
import { formatAddress } from '../config/address.ts';
import { hubJsonSchema, loadHubConfig } from '../hub/config.ts';
import { ConfigFailure } from './failure.ts';
import { createLogger, LOG_FORMATS, LOG_LEVELS, type LogFormat, type LogLevel } from './logger.ts';
import { withExample } from './options.ts';
import { jsonText } from './output.ts';
import { endOnSignals } from './signals.ts';

/** The configuration file that is taken from the working folder where none is named. */
const HUB_FILE = 'hub.yaml';

const ABOUT = `
A hub reads the topics that gateways mirror to a Kafka cluster, and fills one table in QuestDB.
Hubs of one group share the topics: start as many as are needed.

hub.yaml:
  version: 1
  http: { listen: 127.0.0.1:8090 }        # /healthz, /readyz, /metrics
  kafka:
    brokers: ["kafka.example.com:9093"]
    group: millrace-hub
    tls: true
    sasl: { mechanism: scram-sha-512, username: hub, password: { env: HUB_PASSWORD } }
  sites:                                  # as in the links of the gateways
    - { site: northmill, prefix: northmill. }
  questdb: { http: "http://127.0.0.1:9000", pg: "postgres://admin@127.0.0.1:8812/qdb", password: { env: QDB } }`;

interface HubCommandOptions {
  readonly config: string;
  readonly check?: boolean;
  readonly schema?: boolean;
  readonly logLevel: LogLevel;
  readonly logFormat?: LogFormat;
}

/** `millrace hub` */
export function hubCommand(): Command {
  const command = new Command('hub')
    .description('Fills QuestDB from mirrored topics of many gateways, as a member of a Kafka consumer group.')
    .addOption(new Option('-c, --config <file>', 'configuration of the hub').default(HUB_FILE))
    .option('--check', 'print every error of the configuration and end; exit code 2 on errors')
    .option('--schema', 'print the JSON Schema of the configuration, for editors, and end')
    .addOption(new Option('--log-level <level>', 'how much is logged').choices(LOG_LEVELS).default('info'))
    .addOption(
      new Option('--log-format <format>', 'text on a terminal, JSON elsewhere, unless told').choices(LOG_FORMATS),
    )
    .addHelpText('after', ABOUT)
    .action(hub);
  return withExample(command, 'millrace hub -c hub.yaml', 'millrace hub -c hub.yaml --check');
}

async function hub({ config: file, check, schema, logLevel, logFormat }: HubCommandOptions): Promise<void> {
  if (schema === true) {
    process.stdout.write(jsonText(hubJsonSchema()));
    return;
  }
  const checked = await loadHubConfig(file);
  if (checked.problems !== undefined) throw new ConfigFailure(checked.problems);
  const { config } = checked;
  if (check === true) {
    const { sites, kafka, questdb } = config;
    const names = sites.map(({ site }) => site).join(', ');
    process.stdout.write(
      `${file}: no errors\n  ${names} out of ${kafka.brokers.join(', ')} as group ${kafka.group}\n  into table ${questdb.table} of ${questdb.http}\n`,
    );
    return;
  }
  const log = createLogger(logLevel, logFormat);
  const signal = endOnSignals(log);
  process.on('uncaughtException', (error) => {
    log.fatal({ err: error }, 'ended by an error of its own');
    process.exit(1);
  });
  const { runHub } = await import('../hub/run.ts');
  await runHub({ config, signal, log, onStarted: (http) => log.info(`started: http://${formatAddress(http)}`) });
  log.info('stopped');
}
