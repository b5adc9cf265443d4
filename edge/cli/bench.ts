import { Command, Option } from 'commander';
import { benchEndToEnd } from '../bench/end-to-end.ts';
import { benchHistorian } from '../bench/historian/bench.ts';
import { benchLog } from '../bench/log/bench.ts';
import { thisMachine } from '../bench/machine.ts';
import type { BenchFindings, BenchReport } from '../bench/report.ts';
import { benchText } from './bench-text.ts';
import { Failure } from './failure.ts';
import { jsonOption, withExample } from './options.ts';
import { jsonText } from './output.ts';

/** `millrace bench`: what can be measured. */
export function benchCommand(): Command {
  const command = new Command('bench').description('Measures this machine.');
  command.addCommand(endToEndCommand());
  command.addCommand(logCommand());
  command.addCommand(historianCommand());
  return withExample(command, 'millrace bench end-to-end --json');
}

/** `millrace bench end-to-end` */
function endToEndCommand(): Command {
  const command = new Command('end-to-end')
    .description(
      'Measures MQTT QoS 1 to durable and to queryable on a gateway of its own, beside mosquitto with mosquitto_sub where that is installed. Medians of five alternating runs, about three minutes.',
    )
    .addOption(quickOption())
    .addOption(jsonOption())
    .action((options: BenchOptions) => report(benchEndToEnd, options));
  return withExample(command, 'millrace bench end-to-end --quick');
}

/** `millrace bench log` */
function logCommand(): Command {
  const command = new Command('log')
    .description(
      'Measures the log: samples from columns to durable in batches of 1 to 1,000, latencies, encoding and decoding, the wake-up of readers, bytes a sample, CPU and memory; beside bare writes to the same disk, SQLite, and a Kafka broker where one is named. Medians of five alternating runs, about ten minutes; writes some hundred gigabytes, of which at most ten lie on the disk at a time.',
    )
    .addOption(quickOption())
    .option('--folder <dir>', 'measure the disk of this folder (default: the temporary folder)')
    .option('--kafka <host:port>', 'measure this broker too, in topics of its own that are deleted again')
    .option('--large', 'also open a log of 20 GiB, which is made for that', false)
    .addOption(jsonOption())
    .action((options: LogOptions) => report((common) => benchLog({ ...common, ...options }), options));
  return withExample(command, 'millrace bench log --quick', 'millrace bench log --kafka 127.0.0.1:9092 --json');
}

/** `millrace bench historian` */
function historianCommand(): Command {
  const command = new Command('historian')
    .description(
      "Measures the historian on generated data: from the log to queryable, bytes a sample, raw samples, charts, last values, late data, memory and start, the HTTP route; beside DuckDB, and QuestDB, VictoriaMetrics and Prometheus's storage where they are named. Every answer is compared with the data before it is timed. Medians of three alternating runs, about fifteen minutes.",
    )
    .addOption(quickOption())
    .option('--folder <dir>', 'measure the disk of this folder (default: the temporary folder)')
    .option(
      '--questdb <host:port>',
      'measure this QuestDB server too (its HTTP), in tables of its own that are dropped again',
    )
    .option(
      '--victoria <host:port>',
      'measure this VictoriaMetrics server too, in series of its own that are deleted again',
    )
    .option('--prometheus-tsdb <program>', "measure Prometheus's storage too, by this program")
    .option('--large', 'also 50 million samples', false)
    .option('--year', 'also a year of 100,000 tags, which is made once (half an hour) and kept in the cache', false)
    .addOption(jsonOption())
    .action((options: HistorianBenchOptions) => report((common) => benchHistorian({ ...options, ...common }), options));
  return withExample(
    command,
    'millrace bench historian --quick',
    'millrace bench historian --questdb 127.0.0.1:9000 --victoria 127.0.0.1:8428 --json',
  );
}

function quickOption(): Option {
  return new Option('--quick', 'one short run, within 60 s').default(false);
}

interface BenchOptions {
  readonly quick: boolean;
  readonly json?: boolean;
}

interface LogOptions extends BenchOptions {
  readonly folder?: string;
  readonly kafka?: string;
  readonly large: boolean;
}

interface HistorianBenchOptions extends BenchOptions {
  readonly folder?: string;
  readonly questdb?: string;
  readonly victoria?: string;
  readonly prometheusTsdb?: string;
  readonly large: boolean;
  readonly year: boolean;
}

type Bench = (options: {
  readonly quick: boolean;
  readonly onProgress: (line: string) => void;
  readonly signal: AbortSignal;
}) => Promise<BenchFindings>;

async function report(bench: Bench, options: BenchOptions): Promise<void> {
  const ending = new AbortController();
  const { signal } = ending;
  for (const name of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.once(name, () => ending.abort());
  const findings = await bench({ quick: options.quick, onProgress: say, signal }).catch((error: unknown) => {
    if (!signal.aborted) throw error;
    say('ended before all was measured');
    throw new Failure(1);
  });
  const whole: BenchReport = { machine: thisMachine(), ...findings };
  process.stdout.write(options.json === true ? jsonText(whole) : benchText(whole));
}

function say(line: string): void {
  process.stderr.write(`${line}\n`);
}
