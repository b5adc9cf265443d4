import { assert, Fault, messageOf } from '../core/fault.ts';
import { negotiate } from './negotiate.ts';
import { problemOf } from './problem.ts';
import { type Answer, json } from './route.ts';

/** Long work answers with a line of JSON a step where the asker likes that. */
export const LINES = 'application/x-ndjson';

/** Long work as its answer: what it comes to, or its steps as lines. `release` is called at its end. */
export async function workAnswer(
  steps: AsyncIterable<unknown>,
  accept: string | undefined,
  release: () => void,
): Promise<Answer> {
  if (negotiate(accept, ['application/json', LINES]) === LINES)
    return { mediaType: `${LINES}; charset=utf-8`, body: linesOf(steps, release) };
  try {
    return json(await lastOf(steps));
  } finally {
    release();
  }
}

/** The steps as lines. What fails behind the first of them is a line too: a problem document with `type` `urn:millrace:error:…`; before, it is thrown. */
async function* linesOf(steps: AsyncIterable<unknown>, release: () => void): AsyncGenerator<string> {
  let begun = false;
  try {
    for await (const step of steps) {
      begun = true;
      yield `${JSON.stringify(step)}\n`;
    }
  } catch (error) {
    if (!begun) throw error;
    const fault = error instanceof Fault ? error : new Fault('internal', messageOf(error), { cause: error });
    yield `${JSON.stringify(problemOf(fault))}\n`;
  } finally {
    release();
  }
}

/** The last step: the result. */
async function lastOf(steps: AsyncIterable<unknown>): Promise<unknown> {
  let last: unknown;
  for await (const step of steps) last = step;
  assert(last !== undefined, 'long work ends with its result');
  return last;
}
