import { Command } from 'commander';
import { benchEndToEnd } from '../bench/end-to-end.ts';
import { type BenchReport, thisMachine } from '../bench/machine.ts';
import { Failure } from './failure.ts';
import { jsonOption, withExample } from './options.ts';
import { jsonText, table } from './output.ts';

/** `millrace bench`: what can be measured. */
export function benchCommand(): Command {
  const command = new Command('bench').description('Measures this machine.');
  command.addCommand(endToEndCommand());
  return withExample(command, 'millrace bench end-to-end --json');
}

/** `millrace bench end-to-end` */
function endToEndCommand(): Command {
  const command = new Command('end-to-end')
    .description(
      'Measures MQTT QoS 1 to durable and to queryable on a gateway of its own, beside mosquitto with mosquitto_sub where that is installed. Medians of five alternating runs, about three minutes.',
    )
    .option('--quick', 'one short run, within 60 s', false)
    .addOption(jsonOption())
    .action(endToEnd);
  return withExample(command, 'millrace bench end-to-end --quick');
}

async function endToEnd(options: { readonly quick: boolean; readonly json?: boolean }): Promise<void> {
  const ending = new AbortController();
  const { signal } = ending;
  for (const name of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.once(name, () => ending.abort());
  const results = await benchEndToEnd({ quick: options.quick, onProgress: say, signal }).catch((error: unknown) => {
    if (!signal.aborted) throw error;
    say('ended before all was measured');
    throw new Failure(1);
  });
  const report: BenchReport = { machine: thisMachine(), results };
  process.stdout.write(options.json === true ? jsonText(report) : textOf(report));
}

/** Four digits, as people write them: `48,050`, `0.7731`. */
export function figure(value: number): string {
  return Number(value.toPrecision(4)).toLocaleString('en', { maximumFractionDigits: 6 });
}

function say(line: string): void {
  process.stderr.write(`${line}\n`);
}

function textOf({ machine, results }: BenchReport): string {
  const { cpu, cores, memoryGiB, os, node } = machine;
  const rows = results.map(({ name, system, value, unit }) => [name, system, figure(value), unit]);
  return `${cpu}, ${cores} cores, ${memoryGiB} GiB, ${os}, Node ${node}\n\n${table(['figure', 'system', 'value', 'unit'], rows)}`;
}
