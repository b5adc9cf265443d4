import { SAMPLES_FUNCTION } from '../duckdb/samples-table.ts';
import { both, EVERYTHING, type Selection, selectionOf } from './selection.ts';

interface PlanNode {
  readonly name: string;
  readonly children: readonly PlanNode[];
  readonly extra_info: Readonly<Record<string, unknown>>;
}

/**
 * What each scan of `samples` in a plan (`EXPLAIN (FORMAT JSON)`) can need: the filters that stand directly above it. A table function is not told its filters (DuckDB's C interface
 * hands on columns alone), and without them each question would read the whole store.
 */
export function scansIn(plan: string): Selection[] {
  const scans: Selection[] = [];
  for (const node of JSON.parse(plan) as readonly PlanNode[]) collect(node, EVERYTHING, scans);
  return scans;
}

function collect(node: PlanNode, above: Selection, scans: Selection[]): void {
  const name = node.name.trim();
  if (name === SAMPLES_FUNCTION.toUpperCase()) scans.push(above);
  const filter = name === 'FILTER' ? node.extra_info['Expression'] : undefined;
  const below = name === 'FILTER' ? both(above, filtersOf(filter)) : EVERYTHING;
  for (const child of node.children) collect(child, below, scans);
}

function filtersOf(filter: unknown): Selection {
  if (typeof filter === 'string') return selectionOf(filter);
  if (Array.isArray(filter)) return filter.map(filtersOf).reduce(both, EVERYTHING);
  return EVERYTHING;
}
