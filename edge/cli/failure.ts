import type { Command } from 'commander';
import { catalogue } from '../core/fault-catalogue.ts';
import { errnoOf, Fault, type FaultCode } from '../core/fault.ts';
import { MAX_PROBLEMS } from '../config/check.ts';
import type { ConfigProblem } from '../config/problem.ts';
import { formatProblem } from '../config/problem.ts';
import { calledAs, namingOptions } from './called-as.ts';

/** Faults of whoever called the command, or wrote the configuration. */
const usageFaults: ReadonlySet<FaultCode> = new Set(['usage', 'config-invalid', 'config-missing', 'time-invalid']);

/** A command that ends with this exit code after it has said why itself. */
export class Failure extends Error {
  readonly exitCode: number;

  constructor(exitCode: number) {
    super(`exit code ${exitCode}`);
    this.exitCode = exitCode;
  }
}

/** The configuration has errors, or another file that is written by hand: all of them, then what to do. */
export class ConfigFailure extends Error {
  readonly problems: readonly ConfigProblem[];
  readonly what: string;
  readonly todo: string;

  constructor(
    problems: readonly ConfigProblem[],
    { what, todo }: { readonly what: string; readonly todo: string } = catalogue['config-invalid'],
  ) {
    super(what);
    this.problems = problems;
    this.what = what;
    this.todo = todo;
  }
}

/** Says on standard error what happened, the detail and what to do, and returns the exit code. `command`: the one that failed. */
export function reportFailure(error: unknown, command?: Command): number {
  if (error instanceof Failure) return error.exitCode;
  if (error instanceof ConfigFailure) {
    for (const problem of error.problems) process.stderr.write(`${formatProblem(problem)}\n`);
    return say(error.what, countOf(error.problems.length), error.todo, 2);
  }
  if (error instanceof Fault) {
    if (error.code === 'usage' && command !== undefined) {
      const todo = error.todo.replace('millrace <command>', calledAs(command));
      return say(catalogue.usage.what, namingOptions(error.detail, command), todo, 2);
    }
    return say(catalogue[error.code].what, error.detail, error.todo, usageFaults.has(error.code) ? 2 : 1);
  }
  if (isUnreadable(error)) {
    const { what, todo } = catalogue['data-unreadable'];
    return say(what, error.message, todo, 1);
  }
  const { what, todo } = catalogue.internal;
  return say(what, error instanceof Error ? (error.stack ?? error.message) : String(error), todo, 1);
}

/** Calls that find and open files. Commands meet their errors under the data folder: others are faults by then. */
const OPENING: readonly unknown[] = ['open', 'scandir', 'stat', 'lstat'];

function isUnreadable(error: unknown): error is Error {
  return errnoOf(error) !== undefined && OPENING.includes((error as NodeJS.ErrnoException).syscall);
}

function countOf(problems: number): string {
  if (problems === MAX_PROBLEMS) return `${problems} errors, and there may be more.`;
  return problems === 1 ? '1 error.' : `${problems} errors.`;
}

function say(what: string, detail: string, todo: string, exitCode: number): number {
  const lines = [`millrace: ${what}`, ...[detail, todo].filter((part) => part !== '').map(indent)];
  process.stderr.write(`${lines.join('\n')}\n`);
  return exitCode;
}

function indent(text: string): string {
  return `  ${text.trimEnd().replaceAll('\n', '\n  ')}`;
}
