import { type Command, CommanderError } from 'commander';
import { Fault } from '../core/fault.ts';
import { reportFailure } from './failure.ts';
import { createProgram } from './program.ts';

/** Runs one command. Sets the exit code: 0 done, 1 failed, 2 wrong usage or configuration. */
export async function main(args: readonly string[]): Promise<void> {
  // A reader that has seen enough (`| head`) is no error.
  process.stdout.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code === 'EPIPE') process.exit();
    process.exit(reportFailure(new Fault('file-unwritable', `standard output: ${error.message}`, { cause: error })));
  });
  // Where nobody reads the errors, the exit code still says it.
  process.stderr.on('error', () => undefined);
  let command: Command | undefined;
  try {
    const program = createProgram().hook('preAction', (_program, called) => void (command = called));
    await program.parseAsync(args, { from: 'user' });
  } catch (error) {
    // Help and version end the same way, with exit code 0; wrong usage was said by commander.
    if (error instanceof CommanderError) process.exitCode = error.exitCode === 0 ? 0 : 2;
    else process.exitCode = reportFailure(error, command);
  }
}
