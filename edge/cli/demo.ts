import path from 'node:path';
import { Command, Option } from 'commander';
import { messageOf } from '../core/fault.ts';
import { demoConfig, demoText, mustBeDemoFile, writeDemoFile } from '../demo/configuration.ts';
import { pastOf } from '../demo/past.ts';
import { DemoPlant } from '../demo/plant.ts';
import { createLogger, LOG_FORMATS, LOG_LEVELS, type LogFormat, type LogLevel } from './logger.ts';
import { CONFIG_FILE, DEMO_DATA, DEMO_FILE, wholeNumber, withExample } from './options.ts';
import { endOnSignals } from './signals.ts';

interface DemoOptions {
  readonly data: string;
  readonly port: number;
  readonly mqttPort: number;
  readonly seed: number;
  readonly kafka?: string;
  readonly logLevel: LogLevel;
  readonly logFormat?: LogFormat;
}

/** First level of all paths of the demo (`demo.yaml`). */
const SITE = 'demo';

/** `millrace demo` */
export function demoCommand(): Command {
  const command = new Command('demo')
    .description('Runs a gateway beside a simulated plant: a water loop and a press, with faults to switch on.')
    .option('--data <folder>', 'data folder; commands find the demo by the millrace.yaml in it', DEMO_DATA)
    .option('--port <number>', 'port of the dashboard', wholeNumber('--port'), 8080)
    .option('--mqtt-port <number>', 'port of the MQTT broker', wholeNumber('--mqtt-port'), 1883)
    .option('--seed <number>', 'seed of the plant: the same one is the same plant', wholeNumber('--seed'), 1)
    .option('--kafka <host:port>', 'a Kafka broker to mirror to')
    .addOption(new Option('--log-level <level>', 'how much is logged').choices(LOG_LEVELS).default('info'))
    .addOption(
      new Option('--log-format <format>', 'text on a terminal, JSON elsewhere, unless told').choices(LOG_FORMATS),
    )
    .action(demo);
  return withExample(command, 'millrace demo --seed 7', 'millrace demo --kafka 127.0.0.1:9092');
}

async function demo(options: DemoOptions): Promise<void> {
  const log = createLogger(options.logLevel, options.logFormat);
  const signal = endOnSignals(log);
  const data = path.resolve(options.data);
  const file = path.join(data, CONFIG_FILE);
  const plant = new DemoPlant(SITE, {
    seed: options.seed,
    pastMs: pastOf(data, Date.now()),
    mqtt: `127.0.0.1:${options.mqttPort}`,
    // A terminal ends all of its processes at once.
    onEnded: (why) => signal.aborted || log.error(`the simulated plant has ended: ${why}`),
  });
  try {
    const { port: httpPort, mqttPort, kafka = null } = options;
    // What is wrong with the arguments is said before anything is started.
    await demoConfig({ data, httpPort, mqttPort, kafka });
    mustBeDemoFile(file);
    const { opcua, modbus } = await plant.start(signal);
    const places = { data, httpPort, mqttPort, opcua, modbus, kafka };
    const config = await demoConfig(places);
    const { runGateway } = await import('../gateway.ts');
    await runGateway({
      config,
      configFile: file,
      signal,
      log,
      demo: plant,
      onStarted(http) {
        // Not before: the data may be those of another demo that runs.
        writeDemoFile(file, demoText(places));
        log.info(`the dashboard is at http://${http.host}:${http.port}/, and ${askedBy(file)} asks this gateway`);
      },
    });
    log.info('stopped');
  } catch (error) {
    // Who ends a demo that is starting gets what was asked for.
    if (!signal.aborted) throw error;
    log.warn(`ended while it was starting: ${messageOf(error)}`);
  } finally {
    await plant.stop();
  }
}

/** The command that finds this demo, from the working folder. */
function askedBy(file: string): string {
  return file === path.resolve(DEMO_FILE) ? '`millrace status`' : `\`millrace status -c ${file}\``;
}
