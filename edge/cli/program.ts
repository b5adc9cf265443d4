import { Command } from 'commander';
import { version } from '../version.ts';
import { benchCommand } from './bench.ts';
import { checkCommand } from './check.ts';
import { compareCommand } from './compare.ts';
import { demoCommand } from './demo.ts';
import { eraseCommand } from './erase.ts';
import { framesCommand } from './frames.ts';
import { exportCommand } from './export.ts';
import { historianCommand } from './historian.ts';
import { historyCommand } from './history.ts';
import { hubCommand } from './hub.ts';
import { importCommand } from './import.ts';
import { initCommand } from './init.ts';
import { linkCommand } from './link.ts';
import { logCommand } from './log.ts';
import { withExample } from './options.ts';
import { rebuildCommand } from './rebuild.ts';
import { sqlCommand } from './sql.ts';
import { startCommand } from './start.ts';
import { statusCommand } from './status.ts';

/** All commands: this list is the map. */
export function createProgram(): Command {
  const program = new Command('millrace')
    .description('Industrial edge gateway and data historian.')
    .version(version, '-V, --version', 'print the version');
  for (const command of [
    initCommand(),
    checkCommand(),
    startCommand(),
    statusCommand(),
    historyCommand(),
    framesCommand(),
    historianCommand(),
    eraseCommand(),
    rebuildCommand(),
    sqlCommand(),
    exportCommand(),
    logCommand(),
    linkCommand(),
    importCommand(),
    compareCommand(),
    hubCommand(),
    demoCommand(),
    benchCommand(),
  ]) {
    program.addCommand(command);
  }
  prepare(program, 'millrace');
  return withExample(program, 'millrace init', 'millrace start', 'millrace status');
}

/** Errors of usage in the form of all errors, and thrown instead of ending the process. */
function prepare(command: Command, name: string): void {
  command.exitOverride().configureOutput({
    outputError(text, write) {
      const detail = text
        .replace(/^error: /, '')
        .trim()
        .replaceAll('\n', ' ');
      write(`millrace: The command was called with wrong arguments.\n  ${detail}\n  See \`${name} --help\`.\n`);
    },
  });
  command.configureHelp({ showGlobalOptions: false }).helpOption('-h, --help', 'print this help').helpCommand(false);
  for (const sub of command.commands) prepare(sub, `${name} ${sub.name()}`);
}
