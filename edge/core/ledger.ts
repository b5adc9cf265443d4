/**
 * The ledger: where each received sample is, per tag and connector, so that nothing disappears silently.
 *
 *     received = logged + quarantined + duplicate + filtered + refused + lost + inFlight
 *     logged + generated = stored + lag
 *
 * Each received sample counts in exactly one term. One that is logged as null counts as logged; its copy in `quarantine` stands outside. A payload that yields no sample
 * counts as one under the tag `(unmapped)`. Null samples that Millrace makes when a source is lost are `generated`.
 */

/** Terms that are counted where samples come in. */
export const INTAKE_TERMS = [
  'received',
  'logged',
  'generated',
  'quarantined',
  'duplicate',
  'filtered',
  'refused',
  'lost',
  'inFlight',
] as const;
export type IntakeTerm = (typeof INTAKE_TERMS)[number];

/** Place of each term in the counts of a row. */
export const Term: Readonly<Record<IntakeTerm, number>> = {
  received: 0,
  logged: 1,
  generated: 2,
  quarantined: 3,
  duplicate: 4,
  filtered: 5,
  refused: 6,
  lost: 7,
  inFlight: 8,
};

/** Tag of payloads that yield no sample. */
export const UNMAPPED = '(unmapped)';

/** Counts of one tag and connector, in the order of `INTAKE_TERMS`. */
export type Counts = Float64Array<ArrayBuffer>;

export function newCounts(): Counts {
  return new Float64Array(INTAKE_TERMS.length);
}

/** What changed for one tag and connector. */
export interface LedgerChange {
  readonly tag: string;
  readonly connector: string;
  readonly counts: Counts;
}

/** Counts as the API shows them. */
export type LedgerTotals = Record<IntakeTerm | 'stored' | 'lag', number>;

export interface LedgerItem extends LedgerTotals {
  readonly tag: string;
  readonly connector: string;
}

/** Whether the first equation holds for a row's counts. */
export function isBalanced(counts: Counts): boolean {
  const [
    received = 0,
    logged = 0,
    ,
    quarantined = 0,
    duplicate = 0,
    filtered = 0,
    refused = 0,
    lost = 0,
    inFlight = 0,
  ] = counts;
  return received === logged + quarantined + duplicate + filtered + refused + lost + inFlight;
}

/** Gathers changes in a worker: counts are added where they happen, and given away together, so that each gift is balanced. */
export class Tally {
  private readonly connector: string;
  private readonly rows = new Map<string, Counts>();

  constructor(connector: string) {
    this.connector = connector;
  }

  /** Adds to a term of a tag. */
  add(tag: string, term: IntakeTerm, count = 1): void {
    let counts = this.rows.get(tag);
    if (counts === undefined) {
      counts = newCounts();
      this.rows.set(tag, counts);
    }
    const place = Term[term];
    counts[place] = (counts[place] ?? 0) + count;
  }

  /** Moves samples in flight to the term where they ended. */
  settle(tag: string, term: IntakeTerm, count = 1): void {
    this.add(tag, 'inFlight', -count);
    this.add(tag, term, count);
  }

  /** What changed since the last call; the tally is empty again. */
  take(): LedgerChange[] {
    const changes = [...this.rows].map(([tag, counts]) => ({ tag, connector: this.connector, counts }));
    this.rows.clear();
    return changes;
  }
}
