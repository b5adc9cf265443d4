import { afterAll, beforeAll } from 'vitest';

/** What the tests of a block share, such as a server: started before the first of them, disposed of behind the last. Asked for outside of tests and hooks it throws. */
export function shared<T extends AsyncDisposable>(start: () => Promise<T>): () => T {
  let started: T | undefined;
  beforeAll(async () => {
    started = await start();
  });
  afterAll(() => started?.[Symbol.asyncDispose]());
  return () => {
    if (started === undefined) throw new Error('what tests share is started before the first of them, not sooner');
    return started;
  };
}
