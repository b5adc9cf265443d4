import { type Clock, systemClock } from '../edge/core/clock.ts';
import { bucketBuffers, type BucketQuery } from './queries/bucket-page.ts';
import { queryBuckets } from './queries/bucket-query.ts';
import { countSamples } from './queries/counting.ts';
import { SLICE_MS } from './limits.ts';
import { buffersOf } from './points/points.ts';
import type { Answers, HistorianStatus, Question } from './protocol.ts';
import { queryPage, summariesOf } from './queries/query.ts';
import { analysisBuffers, type AnalysisQuery } from './questions/analysis-query.ts';
import { queryAnalysis } from './questions/query-analysis.ts';
import type { Store } from './store/store.ts';
import { latestAnswer, tagsAnswer } from './queries/tag-answers.ts';
import type { View } from './reading/view.ts';

/** The answer to a question, and the memory that goes with it. */
export interface Answer {
  readonly answer: Answers[keyof Answers];
  readonly transfer: readonly ArrayBuffer[];
}

/** Answers a question from the current version of the store. */
export function answerTo(store: Store, question: Question): Answer {
  const view = store.pin();
  try {
    if (question.ask === 'page') return pageAnswer(view, question.query);
    if (question.ask === 'buckets') return bucketAnswer(view, question.query);
    if (question.ask === 'analysis') return analysisAnswer(view, question.query);
    if (question.ask === 'latest') return latestAnswer(view, question, slice());
    if (question.ask === 'tags') return tagsAnswer(view, question.names);
    return { answer: otherAnswer(store, view, question), transfer: [] };
  } finally {
    view.release();
  }
}

function pageAnswer(view: View, query: Parameters<typeof queryPage>[1]): Answer {
  const { tag, points, topics, gaps, next, expired } = queryPage(view, query);
  const message = points.give();
  return { answer: { tag, points: message, topics, gaps, next, expired }, transfer: buffersOf(message) };
}

function bucketAnswer(view: View, query: BucketQuery): Answer {
  const answer = queryBuckets(view, query, slice());
  return { answer, transfer: bucketBuffers(answer) };
}

function analysisAnswer(view: View, query: AnalysisQuery): Answer {
  const answer = queryAnalysis(view, query, slice());
  return { answer, transfer: analysisBuffers(answer) };
}

/** Says whether 10 ms have gone by since now. */
export function slice(clock: Pick<Clock, 'monotonicMs'> = systemClock()): () => boolean {
  const endMs = clock.monotonicMs() + SLICE_MS;
  return () => clock.monotonicMs() >= endMs;
}

function otherAnswer(
  store: Store,
  view: View,
  question: Exclude<Question, { ask: 'page' | 'buckets' | 'analysis' | 'latest' | 'tags' }>,
): Answers[keyof Answers] {
  switch (question.ask) {
    case 'summaries':
      return summariesOf(view, question.tags, question.elsewhereFromUs);
    case 'count':
      return countSamples(view, question.query, slice());
    case 'status':
      return statusOf(store);
    case 'flush':
      return null;
  }
}

function statusOf(store: Store): HistorianStatus {
  const { manifest, memory, series, damaged } = store;
  return {
    files: manifest.files.length,
    fileBytes: manifest.files.reduce((sum, file) => sum + file.bytes, 0),
    fileSamples: manifest.files.reduce((sum, file) => sum + file.samples, 0),
    memorySamples: memory.samples,
    memoryBytes: memory.bytes,
    series: series.count,
    lostRecords: store.lostRecords,
    damaged,
  };
}
