import { pieceOf } from '../analysis/piece.ts';
import type { HistoryPage, PageSource } from '../queries/history.ts';
import { MAX_PAGE_POINTS } from '../limits.ts';
import type { AnalysisCursor, AnalysisPage, AnalysisQuery } from './analysis-query.ts';
import { NOTHING } from './calculation.ts';
import { boundBefore, calculationOf, isOfAnyType, looksAhead } from './calculations.ts';
import { Feed } from './feed.ts';
import { windowBefore } from './last-before.ts';
import { LookBack } from './look-back.ts';
import { newGaps } from './new-gaps.ts';
import type { Gap } from '../reading/gap.ts';
import type { HistoryPlace } from '../reading/place.ts';

/** Samples of one page behind the span: nearly always the first of them is enough. */
const AHEAD_SAMPLES = 100;
/** No sample is later than any time. */
const END_US = 2 ** 53;

/**
 * One page of an analysis over samples that come from elsewhere in pages, by the same calculations and with the same answer as `queryAnalysis`; it costs one or two pages of samples in
 * the thread that asks.
 */
export async function analysisOfPages(source: PageSource, query: AnalysisQuery): Promise<AnalysisPage> {
  const { fromUs, after } = query;
  const bound = boundBefore(query.asked);
  if (bound === null || after?.back === null) return calculate(source, query, after?.sinceUs ?? fromUs);
  const search = new LookBack(bound, after?.back ?? LookBack.from(fromUs));
  await readWindow(source, query, search);
  const isFound = search.done;
  const sinceUs = isFound ? search.sinceUs(fromUs) : fromUs;
  const next = { back: isFound ? null : search.state(), sinceUs, place: null, ahead: false, state: null };
  return { tag: query.tag, ...NOTHING, gaps: [], doneUs: search.upToUs, next };
}

/** Reads a span before the one that was read last. */
async function readWindow(source: PageSource, { tag, fromUs, asked }: AnalysisQuery, search: LookBack): Promise<void> {
  const { upToUs } = search;
  const [known] = await source.summaries([tag]);
  if (known === undefined || upToUs <= known.firstUs) return search.end();
  const beginUs = windowBefore(known, fromUs, upToUs);
  for (let place: HistoryPlace | undefined, more = true; more;) {
    const page: HistoryPage = await source.page({ tag, fromUs: beginUs, toUs: upToUs, after: place });
    search.take(pieceOf(page.points, 0, page.points.count, isOfAnyType(asked)));
    place = page.next ?? undefined;
    more = page.next !== null;
  }
  search.closeWindow(beginUs);
}

async function calculate(source: PageSource, query: AnalysisQuery, sinceUs: number): Promise<AnalysisPage> {
  const { tag, fromUs, toUs, asked, after } = query;
  const calculation = calculationOf(asked, { fromUs, toUs }, after?.state ?? null);
  const ahead = after?.ahead === true;
  const page = await source.page({
    tag,
    fromUs: ahead ? toUs : sinceUs,
    toUs: ahead ? END_US : toUs,
    limit: ahead ? AHEAD_SAMPLES : MAX_PAGE_POINTS,
    after: after?.place ?? undefined,
  });
  const place = after?.place ?? null;
  // A page may have ended where no sample is: what begins there is still to come.
  const begun = place === null ? Number.NEGATIVE_INFINITY : place.topic < 0 ? place.timeUs - 1 : place.timeUs;
  const feed = new Feed(calculation, page.gaps, Math.max(begun, sinceUs));
  const { points } = page;
  const needsMore = points.count === 0 || feed.take(points, 0, points.count);
  // A page may end behind a gap without any sample behind it.
  if (needsMore && !ahead) feed.finish(page.next === null ? toUs : Math.min(page.next.timeUs + 1, toUs));
  const onward = needsMore ? onwardFrom(page, ahead, looksAhead(asked)) : null;
  if (onward === null) calculation.finish();
  const decided = calculation.drain();
  // A page tells a gap that began before it as one that begins with it.
  const told = query.toldToUs === undefined ? page.gaps : page.gaps.filter((gap) => gap.fromUs > sinceUs);
  const next = onward === null ? null : { back: null, sinceUs, ...onward, state: calculation.state() };
  const doneUs = next === null ? toUs : (points.times[points.count - 1] ?? sinceUs);
  const gaps = newGaps(await wholeGaps(source, query, told), query);
  return { tag, ...decided, gaps, doneUs: Math.min(doneUs, toUs), next };
}

/** The gaps of a page, which end with the span at the latest; one that goes on behind it is told whole, where the question about what follows does not tell it again. */
async function wholeGaps(source: PageSource, query: AnalysisQuery, gaps: readonly Gap[]): Promise<readonly Gap[]> {
  const { tag, toUs, gapsToUs = toUs } = query;
  if (gapsToUs <= toUs || !gaps.some((gap) => gap.toUs === toUs)) return gaps;
  const behind = await source.page({ tag, fromUs: toUs, toUs: gapsToUs, limit: 1 });
  return gaps.map((gap) => {
    if (gap.toUs !== toUs) return gap;
    const rest = behind.gaps.find(
      ({ fromUs, reason, detail }) => fromUs === toUs && reason === gap.reason && detail === gap.detail,
    );
    return { ...gap, toUs: rest?.toUs ?? toUs };
  });
}

/** Where the next page begins, if there is one. */
function onwardFrom(
  { next }: HistoryPage,
  ahead: boolean,
  mayLookAhead: boolean,
): Pick<AnalysisCursor, 'place' | 'ahead'> | null {
  if (next !== null) return { place: next, ahead };
  return mayLookAhead && !ahead ? { place: null, ahead: true } : null;
}
