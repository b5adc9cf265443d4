import path from 'node:path';
import { Command } from 'commander';
import { checkFiles } from '../../historian/check.ts';
import { realDisk } from '../core/disk.ts';
import { Failure } from './failure.ts';
import { type ConfigOption, configOption, jsonOption, findConfig, withExample } from './options.ts';
import { jsonText, table } from './output.ts';

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
  const command = new Command('historian')
    .description('The files of the historian: check.')
    .addCommand(withExample(verifyCommand, 'millrace historian verify'));
  return withExample(command, 'millrace historian verify');
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
