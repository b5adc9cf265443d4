import path from 'node:path';
import { Command } from 'commander';
import { checkFiles } from '../../historian/files/check.ts';
import type { z } from 'zod';
import type { erasuresShape, historianShape } from '../api/care-shapes.ts';
import { erasureItem } from '../api/routes/erasures.ts';
import type { Config } from '../config/schema.ts';
import { realDisk } from '../core/disk.ts';
import { Fault } from '../core/fault.ts';
import { openEnds } from '../core/reader.ts';
import { ErasureBook, isDone } from '../erasures/book.ts';
import { outlookOf } from '../erasures/outlook.ts';
import { gatewayAt, type GatewayClient } from '../lock/gateway-client.ts';
import { Failure } from './failure.ts';
import { historianText } from './status-text.ts';
import { type ConfigOption, configOption, jsonOption, findConfig, withExample } from './options.ts';
import { jsonText, table } from './output.ts';
import { tierCommand } from './tier.ts';

interface VerifyOptions extends ConfigOption {
  readonly json?: boolean;
}

/** `millrace historian` */
export function historianCommand(): Command {
  const verifyCommand = new Command('verify')
    .description('Checks every byte of the files of the historian. Exit code 1 if anything is damaged.')
    .addOption(configOption())
    .addOption(jsonOption())
    .action(verify);
  const statusCommand = new Command('status')
    .description('Prints the state of the running historian: files, how long samples are kept, what has expired.')
    .addOption(configOption())
    .addOption(jsonOption())
    .action(printStatus);
  const erasuresCommand = new Command('erasures')
    .description('Prints what was ordered to be erased, by whom and why, and where it is not done yet.')
    .addOption(configOption())
    .addOption(jsonOption())
    .action(printErasures);
  const command = new Command('historian')
    .description('The files of the historian: check, state, erasures, cold tier.')
    .addCommand(withExample(verifyCommand, 'millrace historian verify'))
    .addCommand(withExample(statusCommand, 'millrace historian status'))
    .addCommand(withExample(erasuresCommand, 'millrace historian erasures'))
    .addCommand(tierCommand());
  return withExample(command, 'millrace historian verify', 'millrace historian status');
}

async function printStatus(options: VerifyOptions): Promise<void> {
  const { config } = await findConfig(options);
  const gateway = await gatewayAt(config.data);
  if (gateway === undefined) throw new Fault('gateway-not-running', config.data);
  try {
    const historian = (await gateway.json('/api/v1/historian')) as z.output<typeof historianShape>;
    process.stdout.write(options.json === true ? jsonText(historian) : historianText(historian));
  } finally {
    gateway.close();
  }
}

/** Of the running gateway; else as it left them. */
async function printErasures(options: VerifyOptions): Promise<void> {
  const { config } = await findConfig(options);
  const gateway = await gatewayAt(config.data);
  try {
    const items = gateway === undefined ? erasuresOf(config) : await askErasures(gateway);
    if (options.json === true) process.stdout.write(jsonText({ items }));
    else if (items.length === 0) process.stdout.write('Nothing was ordered to be erased.\n');
    else process.stdout.write(items.map(erasureText).join(''));
  } finally {
    gateway?.close();
  }
}

type Erasure = z.output<typeof erasuresShape>['items'][number];

async function askErasures(gateway: GatewayClient): Promise<readonly Erasure[]> {
  return ((await gateway.json('/api/v1/erasures')) as { readonly items: readonly Erasure[] }).items;
}

function erasuresOf(config: Config): Erasure[] {
  const book = new ErasureBook(realDisk, path.join(config.data, 'erasures.json'));
  book.open();
  const ends = openEnds(path.join(config.data, 'log'));
  return book.orders.toReversed().map((record) => {
    const outlook = outlookOf(record, config, ends);
    return erasureItem({ ...record, done: isDone(record), problems: {}, outlook });
  });
}

function erasureText({ id, at, by, reason, tags, prefix, from, to, samples, places, event }: Erasure): string {
  const what = `${tags.slice(0, 3).join(', ')}${tags.length > 3 ? ` and ${tags.length - 3} more` : ''}`;
  const open = places.flatMap(({ name, done, detail }) =>
    done === null ? [`  ${name}: not yet${detail === null ? '' : `: ${detail}`}\n`] : [],
  );
  const untold = event === null ? ['  event: not in the log yet\n'] : [];
  const head = `${at}  ${by}: ${reason}\n  ${id}: ${samples.toLocaleString('en')} samples ${prefix ? 'at and below' : 'of'} ${what}, ${from} to ${to}\n`;
  const rest = [...open, ...untold];
  return head + (rest.length === 0 ? '  done everywhere\n' : rest.join(''));
}

/** Files never change once they are named, so they are read themselves also while a gateway runs. */
async function verify(options: VerifyOptions): Promise<void> {
  const { config } = await findConfig(options);
  const folder = path.join(config.data, 'historian');
  const files = [...checkFiles(realDisk, folder)];
  const sound = files.every(({ problems }) => problems.length === 0);
  if (options.json === true) process.stdout.write(jsonText({ sound, files }));
  else {
    const rows = files.map(({ name, samples, bytes, problems }) => [name, samples, bytes, problems.length]);
    process.stdout.write(table(['file', 'samples', 'bytes', 'problems'], rows));
    for (const { name, problems } of files) for (const what of problems) process.stdout.write(`${name}  ${what}\n`);
    process.stdout.write(sound ? 'The historian is sound.\n' : 'The historian is damaged.\n');
  }
  if (!sound) throw new Failure(1);
}
