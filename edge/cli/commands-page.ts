import { writeFileSync } from 'node:fs';
import path from 'node:path';
import type { Command } from 'commander';
import { createProgram } from './program.ts';

/** The page that is made from the commands' own help. Run this file to write it: `npx node edge/cli/commands-page.ts`. */
export const COMMANDS_PAGE = path.join(import.meta.dirname, '..', '..', 'docs', 'commands.md');

/** Text of the page. */
export function commandsPage(): string {
  const sections = leaves(createProgram()).map(
    ([name, command]) => `## ${name}\n\n\`\`\`\n${helpOf(command).trimEnd()}\n\`\`\`\n`,
  );
  return `${introduction}\n${sections.join('\n')}`;
}

/** Commands that do something, with their full names. */
function leaves(command: Command, parents = ''): [name: string, command: Command][] {
  const name = `${parents} ${command.name()}`.trim();
  return command.commands.length === 0 ? [[name, command]] : command.commands.flatMap((sub) => leaves(sub, name));
}

/** Help as it is on a screen of 100 columns, with its examples. */
function helpOf(command: Command): string {
  let text = '';
  command.configureOutput({ writeOut: (part) => (text += part), getOutHelpWidth: () => 100 });
  command.outputHelp();
  return text;
}

const introduction = `# Commands

Each has \`--help\` with an example. Exit codes: 0 done, 1 failed, 2 wrong usage or configuration; 130 where Ctrl-C ended it (128 and the number of the signal). Commands talk to the running gateway of their data folder where there
is one (through \`gateway.sock\`); else \`history\`, \`frames\`, \`sql\`, \`export\`, \`compare\`, \`historian verify\`, \`historian tier\`, \`log\` and \`link verify\` read the files themselves, without writing anything there, and \`import\`, \`erase\` and \`rebuild\` open them under their lock. Output goes to standard output; progress, notes and errors go to standard error.

In a checkout they are called with \`npx millrace …\`. Node 20 is enough for that: the package brings its own Node 24 along.

This page is made from the commands themselves (\`npx node edge/cli/commands-page.ts\`).
`;

if (import.meta.main) writeFileSync(COMMANDS_PAGE, commandsPage());
