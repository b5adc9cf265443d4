import type { LinkStatus as MirrorStatus } from '../../sync/link/status.ts';
import type { VerifyProgress as Compared, VerifyResult as TopicResult } from '../../sync/link/verify.ts';
import type { LinkStatus, VerifyStep } from './services.ts';

/** A link's state as the API shows it. */
export function linkView({ name, state, detail, brokers, topics }: MirrorStatus): LinkStatus {
  return {
    name,
    state,
    detail: detail === '' ? null : detail,
    brokers,
    topics: topics.map((topic) => ({
      topic: topic.topic,
      destination: topic.destination,
      state: topic.state,
      detail: topic.detail === '' ? null : topic.detail,
      warnings: topic.warnings,
      end: topic.sourceEnd,
      mirrored: topic.mirrored ?? null,
      lag: topic.mirrored === undefined ? null : topic.lagRecords,
    })),
  };
}

/**
 * A verification as steps: progress (the latest, where the asker is slower), then the result. `run` compares, tells progress, and ends when its signal is aborted, which
 * happens too when nobody wants more steps.
 */
export async function* verifySteps(
  run: (signal: AbortSignal, onProgress: (progress: Compared) => void) => Promise<readonly TopicResult[]>,
  signal: AbortSignal,
): AsyncGenerator<VerifyStep> {
  const ending = new AbortController();
  let latest: Compared | undefined;
  let news = Promise.withResolvers<'news'>();
  const results = run(AbortSignal.any([signal, ending.signal]), (progress) => {
    latest = progress;
    news.resolve('news');
  });
  try {
    while ((await Promise.race([results, news.promise])) === 'news') {
      news = Promise.withResolvers();
      if (latest !== undefined) yield progressOf(latest);
    }
    yield resultOf(await results);
  } finally {
    ending.abort();
    // Its rejection was thrown above, or comes of nobody wanting the result.
    await results.catch(() => undefined);
  }
}

function progressOf({ topic, from, at, to }: Compared): VerifyStep {
  return { type: 'progress', topic, compared: at - from, total: to - from };
}

function resultOf(results: readonly TopicResult[]): VerifyStep {
  const topics = results.map(({ firstDifference, surplus, ...rest }) => ({
    topic: rest.topic,
    destination: rest.destination,
    from: rest.from,
    compared: rest.compared,
    unknown: rest.unknown,
    erased: rest.erased,
    different: firstDifference === undefined ? 0 : 1,
    missing: rest.missing,
    extra: surplus,
    examples: firstDifference === undefined ? [] : [`record ${firstDifference.offset}: ${firstDifference.field}`],
  }));
  return { type: 'result', equal: results.every(({ equal, missing }) => equal && missing === 0), topics };
}
