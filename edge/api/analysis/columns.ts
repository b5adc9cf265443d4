import { AGGREGATES } from '../../../historian/queries/bucket-page.ts';
import { AT_OWN_TIME } from '../../../historian/questions/aggregates.ts';
import type { Interval, Request, TableColumn } from './request.ts';

const SHORT: ReadonlySet<string> = new Set(AGGREGATES);

const time = (name: string): TableColumn => ({ name, type: 'time' });
const value = (name: string): TableColumn => ({ name, type: 'value' });

/** The columns of a table in the long layout, without the tag. What is calculated has its StatusCode behind it, and its time where that is its own. */
export function columnsOf(request: Request): TableColumn[] {
  switch (request.type) {
    case 'aggregates':
      return [...intervalColumns(request.interval), ...request.aggregates.flatMap(aggregateColumns)];
    case 'counted':
      return [...intervalColumns(request.interval), value('counted'), value('counted_quality'), value('marks')];
    case 'values': {
      const columns = [time('time'), value('value'), value('quality')];
      const isSample = request.method === 'previous' || request.method === 'next';
      return isSample ? [...columns, time('sample_time')] : columns;
    }
    case 'shape':
    case 'samples':
      return [time('time'), value('value'), value('quality')];
  }
}

/** What stands in one tag's column of a table in the wide layout: the values, by the names that stand behind the tag where there are several. */
export function wideColumnsOf(request: Request): readonly { readonly name: string; readonly at: number }[] {
  const columns = columnsOf(request);
  const wanted =
    request.type === 'aggregates' ? request.aggregates : [request.type === 'counted' ? 'counted' : 'value'];
  return wanted.map((name) => ({ name, at: columns.findIndex((column) => column.name === name) }));
}

/** Intervals of a calendar are not of one length, and have names. */
function intervalColumns({ type }: Interval): TableColumn[] {
  return type === 'time' ? [time('time')] : [time('time'), time('end'), value('label')];
}

function aggregateColumns(name: string): TableColumn[] {
  if (SHORT.has(name)) return [value(name)];
  const columns = [value(name), value(`${name}_quality`)];
  return AT_OWN_TIME.has(name) ? [...columns, time(`${name}_time`)] : columns;
}
