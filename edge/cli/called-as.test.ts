import type { Command } from 'commander';
import { describe, expect, test } from 'vitest';
import { parseFrames } from '../api/analysis/frames-request.ts';
import { parseWish } from '../api/history-answer.ts';
import { parseSpan } from '../api/time-text.ts';
import { Fault } from '../core/fault.ts';
import { calledAs, namingOptions } from './called-as.ts';
import { millrace, temporaryFolder } from './cli-kit.ts';
import { createProgram } from './program.ts';

function commandOf(...names: readonly string[]): Command {
  let command = createProgram();
  for (const name of names) command = command.commands.find((each) => each.name() === name) ?? command;
  return command;
}

/** What is said of what is wrong. */
function said(command: Command, check: () => unknown): string {
  try {
    check();
  } catch (error) {
    if (error instanceof Fault && error.code === 'usage') return namingOptions(error.detail, command);
    throw error;
  }
  return 'nothing is wrong';
}

describe('what is wrong with a parameter names the option', () => {
  const history = commandOf('history');
  const part13 = { interval: '1m', aggregate: 'TimeAverage2' };

  test.each([
    [{ ...part13, percentDataGood: '101' }, '--percent-data-good: expected a number from 0 to 100.'],
    [
      { ...part13, percentDataGood: '10', percentDataBad: '20' },
      '--percent-data-good: expected at least 80, which is 100 less --percent-data-bad.',
    ],
    [{ every: '1h', method: 'stepped', stepped: 'true' }, '--stepped: only with --method interpolated.'],
    [
      { layout: 'wide', points: '5' },
      '--layout: not with points alone: give --shape minmax or --shape lttb beside it.',
    ],
    [{ method: 'next' }, '--at: expected times, or --every, beside method; not both.'],
    [{ interval: '1m', aggregate: 'counted', maxPerSecond: 'x' }, '--max-per-second: expected a number above 0.'],
    [{ points: '5', aggregate: 'mean' }, '--points: not together with interval and aggregate.'],
  ])('millrace history %j: %s', (texts, expected) => {
    expect(said(history, () => parseWish(texts, 'usage'))).toBe(expected);
  });

  test.each([
    [
      { above: '1', below: '2' },
      '--above, --below: expected one of above, below, outside, inside, equals, quality, such as --above 80.',
    ],
    [{ above: '1', treatUncertainAsBad: 'x' }, '--treat-uncertain-as-bad: expected true or false.'],
  ])('millrace frames %j: %s', (texts, expected) => {
    expect(said(commandOf('frames'), () => parseFrames(texts, 'usage'))).toBe(expected);
  });

  test('what somebody has typed stays as it is', () => {
    expect(said(history, () => parseSpan('2026-03-02T00:00:00Z', '2026-03-01T00:00:00Z', 'usage'))).toBe(
      '--from: 2026-03-02T00:00:00Z is later than --to: 2026-03-01T00:00:00Z.',
    );
    expect(namingOptions('"percentDataGood=1" is none.', history)).toBe('"percentDataGood=1" is none.');
    expect(namingOptions('x.csv: ends with neither .parquet nor .csv; say --format.', commandOf('export'))).toBe(
      'x.csv: ends with neither .parquet nor .csv; say --format.',
    );
  });
});

test('a command is called by its whole name', () => {
  expect([calledAs(createProgram()), calledAs(commandOf('historian', 'status'))]).toEqual([
    'millrace',
    'millrace historian status',
  ]);
});

test('and what to do names the command', async () => {
  const args = ['history', 'a/b', '--interval', '1m', '--aggregate', 'TimeAverage2', '--percent-data-good', '101'];
  expect(await millrace(args, { cwd: temporaryFolder() })).toEqual({
    code: 2,
    stdout: '',
    stderr: `millrace: The command was called with wrong arguments.
  --percent-data-good: expected a number from 0 to 100.
  See \`millrace history --help\`.
`,
  });
});
