import type { Gap } from '../reading/gap.ts';
import { withLostRange } from '../follow/lost-ranges.ts';
import type { LossReason, LostRange } from '../files/manifest.ts';
import { type QuestdbHttp, quoted } from './http.ts';
import type { TableNames } from './table.ts';

/** Ranges of one answer at most. */
const MAX_RANGES = 1000;

type GapRow = readonly [fromUs: number, topic: string, first: number, last: number, untilUs: number, reason: string];

/** The gaps that stand in the way of a question about a tag: records of its topics that the log did not have. A tag without a sample may have had all of them in what was lost. */
export async function standingGaps(
  db: QuestdbHttp,
  names: TableNames,
  { tag, fromUs, toUs }: { readonly tag: string; readonly fromUs: number; readonly toUs: number },
): Promise<Gap[]> {
  const { rows } = await db.exec(
    `SELECT ts::long, topic, "offset", last, until::long, reason FROM ${names.gaps} ORDER BY ts DESC LIMIT ${MAX_RANGES}`,
  );
  let ranges: readonly LostRange[] = [];
  for (const [fromOf, topic, first, last, untilUs, reason] of (rows as unknown as GapRow[]).toReversed()) {
    const [fromMs, toMs] = [fromOf / 1000, untilUs / 1000];
    ranges = withLostRange(ranges, { topic, first, last, reason: reason as LossReason, fromMs, toMs });
  }
  const near = ranges.filter((range) => range.fromMs * 1000 < toUs && range.toMs * 1000 + 1000 > fromUs);
  if (near.length === 0) return [];
  const found = await db.exec(`SELECT DISTINCT topic FROM ${names.samples} WHERE tag = ${quoted(tag)}`);
  const own = new Set(found.rows.map(([topic]) => String(topic)));
  return near
    .filter(({ topic }) => own.size === 0 || own.has(topic))
    .map(({ topic, first, last, reason, fromMs, toMs }) => ({
      fromUs: fromMs * 1000,
      toUs: toMs * 1000 + 1000,
      reason,
      samples: null,
      detail: `Records ${first} to ${last} of ${topic}.`,
    }));
}
