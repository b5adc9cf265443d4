import { AGGREGATES, type Aggregate } from '../../historian/queries/bucket-page.ts';
import { MAX_CHART_POINTS } from '../../historian/limits.ts';
import { parseDuration } from '../config/quantities.ts';
import { Fault } from '../core/fault.ts';
import { MAX_TIME_US } from '../core/sample.ts';
import type { Reduction } from './services.ts';

/** What was given for the reduction of a history, as text. */
export interface ReductionTexts {
  readonly interval?: string | undefined;
  readonly aggregate?: string | undefined;
  readonly points?: string | undefined;
}

/** What the samples are to be reduced to; undefined: nothing was said, so the samples themselves are wanted. Throws `code`, with the parameter that is wrong. */
export function parseReduction(
  { interval, aggregate, points }: ReductionTexts,
  code: 'request-invalid' | 'usage' = 'request-invalid',
): Reduction | undefined {
  const refuse = (what: string): never => {
    throw new Fault(code, what);
  };
  if (points !== undefined) {
    if (interval !== undefined || aggregate !== undefined)
      refuse('points: not together with interval and aggregate: a chart has aggregates of its own.');
    const count = /^\d{1,5}$/.test(points) ? Number(points) : 0;
    if (count < 1 || count > MAX_CHART_POINTS) refuse('points: expected 1 to 10,000.');
    return { type: 'points', points: count };
  }
  if (interval === undefined && aggregate === undefined) return undefined;
  if (aggregate === undefined)
    return refuse(`aggregate: missing, expected some of ${AGGREGATES.join(',')} or of OPC UA Part 13 beside interval.`);
  if (interval === undefined)
    return refuse('interval: missing, expected a time such as 1m, or day, week, month, shift, beside aggregate.');
  const widthUs = (parseDuration(interval) ?? 0) * 1000;
  if (widthUs < 1 || widthUs > MAX_TIME_US)
    refuse('interval: expected a time of at least 1ms, such as 250ms, 30s, 1m, 1h or 1d.');
  const aggregates = aggregate.split(',');
  if (!aggregates.every(isAggregate) || new Set(aggregates).size < aggregates.length)
    return refuse(`aggregate: expected some of ${AGGREGATES.join(',')}, each once, with commas between them.`);
  return { type: 'interval', interval, widthUs, aggregates };
}

function isAggregate(name: string): name is Aggregate {
  return (AGGREGATES as readonly string[]).includes(name);
}
