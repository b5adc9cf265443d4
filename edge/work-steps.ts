/**
 * Long work as steps for an asker: progress (the latest, where the asker is slower), then the result. The work goes on when the asker has gone. Throws what the work throws.
 */
export async function* workSteps<Progress, Result>(
  run: (onProgress: (progress: Progress) => void) => Promise<Result>,
  signal: AbortSignal,
): AsyncGenerator<Progress | Result> {
  let latest: Progress | undefined;
  let news = Promise.withResolvers<'news'>();
  const gone = Promise.withResolvers<'gone'>();
  const leave = (): void => gone.resolve('gone');
  signal.addEventListener('abort', leave);
  const working = run((progress) => {
    latest = progress;
    news.resolve('news');
  });
  // Where the asker has gone, nobody is told any more why it failed but by the worker's own report.
  working.catch(() => undefined);
  try {
    for (;;) {
      const next = await Promise.race([working.then(() => 'done' as const), news.promise, gone.promise]);
      if (next === 'gone' || signal.aborted) return;
      if (next === 'done') break;
      news = Promise.withResolvers();
      if (latest !== undefined) yield latest;
    }
    yield await working;
  } finally {
    signal.removeEventListener('abort', leave);
  }
}
