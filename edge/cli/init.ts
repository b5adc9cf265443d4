import { readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { Command, Option } from 'commander';
import { isSegment } from '../core/tag-path.ts';
import { errnoOf, Fault, messageOf } from '../core/fault.ts';
import { CONFIG_FILE, withExample } from './options.ts';

interface InitOptions {
  readonly config: string;
  readonly site: string;
}

/** `millrace init` */
export function initCommand(): Command {
  const command = new Command('init')
    .description('Writes a commented configuration to begin with; asks nothing and replaces nothing.')
    .addOption(new Option('-c, --config <file>', 'file to write').default(CONFIG_FILE))
    .addOption(new Option('--site <name>', 'name of the site, the first level of every tag').default('plant'))
    .action(init);
  return withExample(command, 'millrace init --site northmill');
}

async function init({ config, site }: InitOptions): Promise<void> {
  if (!isSegment(site) || Buffer.byteLength(site) > 64) {
    throw new Fault('usage', `--site: ${JSON.stringify(site)} cannot be the first level of a tag.`);
  }
  const template = await readFile(path.join(import.meta.dirname, '..', 'config', 'template.yaml'), 'utf8');
  // Of days, weeks and shifts, and of the dashboard: that of this machine, to be looked at.
  const timezone = Intl.DateTimeFormat().resolvedOptions().timeZone;
  try {
    await writeFile(
      config,
      template.replace(/^site: .*$/m, () => `site: { name: ${JSON.stringify(site)}, timezone: ${timezone} }`),
      { flag: 'wx' },
    );
  } catch (error) {
    const code = errnoOf(error) === 'EEXIST' ? 'file-exists' : 'file-unwritable';
    throw new Fault(code, code === 'file-exists' ? config : `${config}: ${messageOf(error)}`, { cause: error });
  }
  process.stdout.write(`${config} written; \`millrace check\` checks it, \`millrace start\` runs it.\n`);
}
