import type { Gateway } from './gateway.ts';

/** The terms of the ledger (CONTRACT, `GET /api/v1/ledger`). */
interface LedgerTotals {
  readonly received: number;
  readonly logged: number;
  readonly generated: number;
  readonly quarantined: number;
  readonly duplicate: number;
  readonly filtered: number;
  readonly refused: number;
  readonly lost: number;
  readonly inFlight: number;
  readonly stored: number;
  readonly lag: number;
}

export interface Ledger {
  readonly total: LedgerTotals;
  readonly items: readonly ({ readonly tag: string; readonly connector: string } & LedgerTotals)[];
  readonly balanced: boolean;
}

export async function ledgerOf(gateway: Gateway): Promise<Ledger> {
  return (await gateway.api('/api/v1/ledger')) as Ledger;
}

/** The ledger once nothing is in flight and the historian has stored everything. */
export async function settledLedger(gateway: Gateway, limitMs = 120_000): Promise<Ledger> {
  let ledger = await ledgerOf(gateway);
  const settled = async (): Promise<boolean> => {
    ledger = await ledgerOf(gateway);
    return ledger.total.inFlight === 0 && ledger.total.lag === 0;
  };
  try {
    await gateway.until('nothing is in flight and the historian has everything', settled, limitMs);
  } catch (error) {
    throw new Error(`the ledger does not settle: ${JSON.stringify(ledger.total)}`, { cause: error });
  }
  return ledger;
}

/** Both equations of the ledger, term by term, and their sums: what does not hold, in words. */
export function imbalances({ total, items, balanced }: Ledger): string[] {
  const wrong = balanced ? [] : ['balanced is false'];
  for (const row of [{ tag: 'total', ...total }, ...items]) {
    const { tag, received, logged, generated, quarantined, duplicate, filtered, refused, lost, inFlight } = row;
    const settled = logged + quarantined + duplicate + filtered + refused + lost + inFlight;
    if (received !== settled) wrong.push(`${tag}: received ${received}, but the terms give ${settled}`);
    if (logged + generated !== row.stored + row.lag) wrong.push(`${tag}: ${JSON.stringify(row)}`);
  }
  for (const term of Object.keys(total) as (keyof LedgerTotals)[]) {
    const sum = items.reduce((before, item) => before + item[term], 0);
    if (sum !== total[term]) wrong.push(`${term}: total ${total[term]}, the rows give ${sum}`);
  }
  return wrong;
}

interface LinkItem {
  readonly name: string;
  readonly state: string;
  readonly detail: string | null;
  readonly topics: readonly { readonly topic: string; readonly end: number; readonly lag: number | null }[];
}

/** Waits until every link has mirrored everything that is durable. */
export async function linksCaughtUp(gateway: Gateway, limitMs = 120_000): Promise<void> {
  let items: readonly LinkItem[] = [];
  const caughtUp = async (): Promise<boolean> => {
    ({ items } = (await gateway.api('/api/v1/links')) as { items: readonly LinkItem[] });
    return items.every(({ topics }) => topics.every(({ lag }) => lag === 0));
  };
  try {
    await gateway.until('every link has caught up', caughtUp, limitMs);
  } catch (error) {
    throw new Error(`the links do not catch up: ${JSON.stringify(items)}`, { cause: error });
  }
}
