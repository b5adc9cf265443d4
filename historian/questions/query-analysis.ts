import { pieceOf } from '../analysis/piece.ts';
import type { BlockList, SummarizedBlock } from '../files/block-list.ts';
import { standingGaps } from '../reading/gaps.ts';
import type { Looking } from '../reading/hiding.ts';
import { Lacking, type Lacks } from '../reading/lacking.ts';
import type { Points } from '../points/points.ts';
import { Scan, type TakeBlock } from '../reading/scan.ts';
import type { View } from '../reading/view.ts';
import type { AnalysisCursor, AnalysisPage, AnalysisQuery } from './analysis-query.ts';
import type { Asked } from './asked.ts';
import { NOTHING } from './calculation.ts';
import { boundBefore, calculationOf, isOfAnyType, looksAhead } from './calculations.ts';
import { Feed } from './feed.ts';
import { LookBack } from './look-back.ts';
import { MissingBlocks } from './missing-blocks.ts';
import { newGaps } from './new-gaps.ts';
import { placeOf } from '../reading/place.ts';

/**
 * One page of an analysis over a version of the historian: first the samples before the span that the answer depends on, backwards block by block, then forwards. A block whose summary is
 * enough is not read. It ends early when `expired` says so, looked at after each block, and before what is lacking. Throws `aggregate-type` at values that are no numbers.
 */
export function queryAnalysis(view: View, query: AnalysisQuery, expired: () => boolean): AnalysisPage {
  const { tag, fromUs, after, asked, elsewhereFromUs } = query;
  let sinceUs = after?.sinceUs ?? fromUs;
  const bound = boundBefore(asked);
  const lacking = new Lacking(view, tag, lookingOf(asked), elsewhereFromUs);
  if (bound !== null && (after === undefined || after.back !== null)) {
    const search = new LookBack(bound, after?.back ?? LookBack.from(fromUs));
    const beganUs = search.upToUs;
    const lists = view.blocks(tag, Number.NEGATIVE_INFINITY, fromUs, lookingOf(asked));
    while (!search.done && lacking.what === null) {
      readWindow(lists, search, isOfAnyType(asked), lacking);
      if (search.done || (lacking.what === null && !expired())) continue;
      if (lacking.what !== null && search.upToUs === beganUs) return lackingPage(query, after ?? null, lacking.what);
      const next = { back: search.state(), sinceUs: fromUs, place: null, ahead: false, state: null };
      return { tag, ...NOTHING, gaps: [], doneUs: search.upToUs, next };
    }
    sinceUs = search.sinceUs(fromUs);
  }
  return calculate(view, query, sinceUs, lacking, expired);
}

/** Nothing: the next samples are elsewhere. */
function lackingPage({ tag, fromUs }: AnalysisQuery, next: AnalysisCursor | null, lacks: Lacks): AnalysisPage {
  return { tag, ...NOTHING, gaps: [], doneUs: next?.place?.timeUs ?? fromUs, next, lacks };
}

/** Values at times are samples. */
function lookingOf({ what }: Asked): Looking {
  return what === 'values' ? 'samples' : 'rollups';
}

/** Reads the last samples that were not read yet: a block, and what others have of its time; none where some are lacking. */
function readWindow(lists: readonly BlockList[], search: LookBack, ofAnyType: boolean, lacking: Lacking): void {
  const { upToUs } = search;
  const { gone } = lacking;
  let beginUs = Number.NEGATIVE_INFINITY;
  for (const list of lists) {
    const block = blocksBefore(list, upToUs) - 1;
    if (block >= 0) beginUs = Math.max(beginUs, list.first(block));
  }
  if (gone !== undefined && upToUs > gone.fromUs) {
    if (upToUs <= gone.toUs) lacking.what = 'gone';
    beginUs = Math.max(beginUs, gone.toUs);
  }
  if (lacking.what !== null) return;
  if (beginUs === Number.NEGATIVE_INFINITY) return search.end();
  // What cannot be read says nothing here; it is told of when its turn comes.
  const scan = new Scan(lists, { fromUs: beginUs, toUs: upToUs }, (damage) => void lacking.note(damage));
  scan.eachRun(
    (points, start, end) => {
      search.take(pieceOf(points, start, end, ofAnyType));
      return true;
    },
    (block) => (isEnough(block, lacking) && takeLast(search, block) ? 'taken' : 'samples'),
  );
  if (lacking.what === null) search.closeWindow(beginUs);
}

/** Whether what is left of a block that has expired gives the same answer as its samples, where those are elsewhere. */
function isEnough({ summary, expired, overlapped }: SummarizedBlock, lacking: Lacking): boolean {
  return !expired || !lacking.isExact(summary.lastUs) || (overlapped !== true && !summary.corrected);
}

/** Of what has expired the last good sample is enough, and stands for all of them: it is the block that is needed. */
function takeLast(search: LookBack, { summary, expired, overlapped }: SummarizedBlock): boolean {
  const { firstUs, values, distinct } = summary;
  if (!expired || overlapped === true || values === null || !distinct) return false;
  const [times, last, qualities] = [Float64Array.of(firstUs), Float64Array.of(Number(values.last)), Uint32Array.of(0)];
  search.take({ count: 1, times, values: last, qualities });
  return true;
}

/** How many blocks of a list begin before a time. */
function blocksBefore(list: BlockList, timeUs: number): number {
  let low = 0;
  let high = list.count;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (list.first(middle) < timeUs) low = middle + 1;
    else high = middle;
  }
  return low;
}

function calculate(
  view: View,
  query: AnalysisQuery,
  sinceUs: number,
  lacking: Lacking,
  expired: () => boolean,
): AnalysisPage {
  const { tag, fromUs, toUs, asked, after, elsewhereFromUs } = query;
  const calculation = calculationOf(asked, { fromUs, toUs }, after?.state ?? null);
  const begun = after?.place ?? null;
  const reachedUs = begun?.timeUs ?? sinceUs;
  const wantedUs = looksAhead(asked) ? Number.POSITIVE_INFINITY : toUs;
  const untilUs = lacking.endUs(reachedUs, wantedUs);
  const here = { back: null, sinceUs, place: begun, ahead: false, state: after?.state ?? null };
  if (untilUs <= reachedUs && untilUs < wantedUs) return lackingPage(query, here, 'gone');
  const standing = lacking.without(standingGaps(view, tag, lookingOf(asked)));
  let place = begun;
  const doneUs = begun?.timeUs ?? Number.NEGATIVE_INFINITY;
  const feed = new Feed(calculation, standing, Math.max(doneUs, sinceUs));
  const missing = new MissingBlocks();
  const range = { fromUs: sinceUs, toUs: untilUs, after: place ?? undefined, elsewhereFromUs };
  const scan = new Scan(view.blocks(tag, sinceUs, untilUs, lookingOf(asked)), range, (damage) => {
    if (lacking.note(damage) || damage.firstUs <= doneUs) return;
    missing.add(damage);
    feed.addGap(damage.firstUs);
  });
  let needsMore = true;
  let isFull = false;
  const takeRows = (points: Points, start: number, end: number): boolean => {
    if (isFull || lacking.what !== null) return false;
    needsMore = feed.take(points, start, end);
    place = placeOf(points, end - 1);
    isFull = expired() || calculation.full;
    return needsMore && !isFull;
  };
  const takeBlock: TakeBlock = (block) => {
    if (isFull || !needsMore || lacking.what !== null) return 'stop';
    // What a counter did between its first reading and its last is not known for certain.
    const isGuess = block.expired && asked.what === 'totals' && lacking.isExact(block.summary.lastUs);
    if (isGuess || !isEnough(block, lacking) || !feed.takeBlock(block)) {
      missing.refuse(block, calculation.advice?.(block));
      return 'samples';
    }
    needsMore = calculation.done !== true;
    place = { timeUs: block.summary.lastUs, topic: block.topic, offset: block.greatestOffset };
    isFull = expired();
    return 'taken';
  };
  const isCut = scan.eachRun(takeRows, takeBlock);
  const isShort = lacking.what !== null || untilUs < wantedUs;
  const isOver = !needsMore || (!isCut && !isShort);
  if (lacking.what !== null && needsMore && place === begun) return lackingPage(query, here, lacking.what);
  if (!isOver && !isCut && lacking.what === null) place = { timeUs: untilUs, topic: -1, offset: -1 };
  if (isOver) {
    // Samples behind the span that are not to be had say at least that the data go on.
    if (needsMore) feed.finish(Math.max(toUs, missing.lastUs + 1));
    calculation.finish();
  }
  // What stands as a gap whatever blocks say is told with the page that comes to where it begins.
  const uptoUs = isOver ? Number.POSITIVE_INFINITY : (place?.timeUs ?? Number.NEGATIVE_INFINITY);
  const told = standing.filter((gap) => gap.fromUs <= uptoUs && (begun === null || gap.fromUs > doneUs));
  const gaps = newGaps([...told, ...missing.gaps], query);
  const decided = calculation.drain();
  if (isOver) return { tag, ...decided, gaps, doneUs: toUs, next: null };
  const next = { back: null, sinceUs, place, ahead: false, state: calculation.state() };
  return { tag, ...decided, gaps, doneUs: place?.timeUs ?? fromUs, next };
}
