import type { FaultMessage } from '../../edge/core/fault.ts';
import type { Gap } from '../reading/gap.ts';
import type { PointsMessage } from '../points/points.ts';
import type { ColdQuery } from './cold-days.ts';
import type { ColdSpan } from './cold-rows.ts';
import type { TierPlace } from './place.ts';
import type { LentDays, TierContents } from './tier-reader.ts';
import type { HistoryPlace } from '../reading/place.ts';

/** What the process that reads a cold tier is asked. */
export type TierQuestion =
  | { readonly ask: 'contents' }
  | { readonly ask: 'page'; readonly query: ColdQuery }
  /** Files of days, which stay until `release`. */
  | { readonly ask: 'lend'; readonly span: ColdSpan };

/** Answers by question. */
export interface TierAnswers {
  contents: TierContents;
  page: ColdPage;
  lend: LentDays;
}

interface ColdPage {
  readonly points: PointsMessage;
  readonly gaps: readonly Gap[];
  readonly next: HistoryPlace | null;
  readonly beginUs: number;
}

/** What it is told: where the tier is first. */
export type TierRequest =
  | { readonly type: 'open'; readonly place: TierPlace; readonly copies: string }
  | { readonly type: 'question'; readonly id: number; readonly question: TierQuestion }
  | { readonly type: 'release'; readonly lease: number };

/** What it tells. */
export type TierNotice =
  | { readonly type: 'answer'; readonly id: number; readonly answer: TierAnswers[keyof TierAnswers] }
  | { readonly type: 'refusal'; readonly id: number; readonly fault: FaultMessage };
