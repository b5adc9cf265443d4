import { z } from 'zod';
import type { Disk } from '../core/disk.ts';
import type { DurableEnds } from '../core/durable-ends.ts';
import { messageOf } from '../core/fault.ts';
import {
  type Counts,
  INTAKE_TERMS,
  isBalanced,
  type LedgerChange,
  type LedgerItem,
  type LedgerTotals,
  newCounts,
  Term,
} from '../core/ledger.ts';
import { StateFile } from '../core/progress/state-file.ts';
import { holdsSamples } from '../core/topics.ts';
import { Covered } from './covered.ts';
import { type CountsOf, LEDGER_TOPICS, type LedgerTopic, replayLedger } from './replay.ts';

const snapshotSchema = z.object({
  v: z.literal(1),
  covered: z.partialRecord(
    z.enum(LEDGER_TOPICS),
    z.object({ prefix: z.int().nonnegative(), beyond: z.array(z.tuple([z.int(), z.int()])) }),
  ),
  rows: z.array(z.object({ tag: z.string(), connector: z.string(), counts: z.array(z.number()) })),
});

/** What the book needs to know of the house. */
export interface BookOptions {
  readonly disk: Disk;
  /** `data/ledger.json`. */
  readonly file: string;
  readonly logFolder: string;
  readonly ends: DurableEnds;
  /** Connector that a tag came from first; empty if the tag is not known. */
  readonly connectorOf: (tag: string) => string;
}

/** The ledger as the API gives it. */
export interface LedgerReport {
  readonly total: LedgerTotals;
  readonly items: readonly LedgerItem[];
  readonly balanced: boolean;
}

interface Row {
  readonly tag: string;
  readonly connector: string;
  readonly counts: Counts;
}

const REMEDY = 'Move it away: everything is then counted anew from what the log still holds.';

/** Adds up the ledger of all connectors. Its progress is of form (a): the counts and the offsets that they cover are one file. */
export class LedgerBook {
  private readonly options: BookOptions;
  private readonly file: StateFile;
  private readonly rows = new Map<string, Row>();
  private readonly covered = new Map<string, Covered>(LEDGER_TOPICS.map((topic) => [topic, new Covered()]));
  private dirty = false;
  /** False once a report's counts and its offsets did not agree. */
  private consistent = true;

  constructor(options: BookOptions) {
    const { disk, file } = options;
    this.options = options;
    this.file = new StateFile({ disk, file, consumer: 'ledger', remedy: REMEDY, bare: true });
  }

  /** Reads the snapshot and counts from the log what is missing in it. Throws `state-damaged`. */
  open(): void {
    const { disk, logFolder, ends } = this.options;
    const content = this.file.read();
    if (content !== undefined) this.load(content);
    for (const topic of LEDGER_TOPICS) {
      const covered = this.coveredOf(topic);
      const before = covered.prefix;
      replayLedger(topic, logFolder, ends, covered, this.countsOf, disk);
      this.dirty ||= covered.prefix !== before;
    }
  }

  private readonly countsOf: CountsOf = (tag, connector) => {
    return this.row(tag, connector ?? this.options.connectorOf(tag)).counts;
  };

  private load(content: unknown): void {
    try {
      const snapshot = snapshotSchema.parse(content);
      for (const [topic, { prefix, beyond }] of Object.entries(snapshot.covered))
        this.covered.set(topic, new Covered(prefix, beyond));
      for (const { tag, connector, counts } of snapshot.rows) this.row(tag, connector).counts.set(counts);
    } catch (error) {
      throw this.file.damaged(`is no ledger: ${messageOf(error)}`, error);
    }
  }

  /** Adds what an intake worker reports: changes, and the offsets that they cover. */
  apply(changes: readonly LedgerChange[], ranges: readonly { topic: string; first: number; last: number }[]): void {
    let appended = 0;
    for (const { tag, connector, counts } of changes) {
      const row = this.row(tag, connector).counts;
      for (let i = 0; i < counts.length; i++) row[i] = (row[i] ?? 0) + (counts[i] ?? 0);
      appended += (counts[Term.logged] ?? 0) + (counts[Term.generated] ?? 0);
    }
    for (const { topic, first, last } of ranges) {
      if (holdsSamples(topic)) appended -= last - first + 1;
      this.cover(topic, first, last);
    }
    if (appended !== 0) this.consistent = false;
    this.dirty = true;
  }

  /** Whether a record is counted, or holds nothing to be counted. */
  covers(topic: string, offset: number): boolean {
    return this.covered.get(topic)?.has(offset) ?? false;
  }

  /** Covers offsets that hold nothing to be counted (the gateway's own events). */
  cover(topic: string, first: number, last: number): void {
    const covered = this.covered.get(topic);
    if (covered === undefined) return;
    covered.add(first, last);
    this.dirty = true;
  }

  /** Sum of one term over all rows, and by connector. */
  sums(): Map<string, Counts> {
    const sums = new Map<string, Counts>();
    for (const { connector, counts } of this.rows.values()) {
      const sum = sums.get(connector) ?? newCounts();
      sums.set(connector, sum);
      for (let i = 0; i < counts.length; i++) sum[i] = (sum[i] ?? 0) + (counts[i] ?? 0);
    }
    return sums;
  }

  /** The report; `stored`: samples that the historian has taken over, by tag. */
  report(stored: ReadonlyMap<string, number>): LedgerReport {
    const left = new Map(stored);
    const items: LedgerItem[] = [];
    const total = totalsOf(newCounts(), 0);
    let balanced = this.consistent;
    for (const { tag, connector, counts } of this.rows.values()) {
      balanced &&= isBalanced(counts);
      const appended = (counts[Term.logged] ?? 0) + (counts[Term.generated] ?? 0);
      // What two connectors logged under one tag is stored under one; the historian may be a moment ahead of the report.
      const share = Math.min(appended, left.get(tag) ?? 0);
      left.set(tag, (left.get(tag) ?? 0) - share);
      const item = { tag, connector, ...totalsOf(counts, share) };
      items.push(item);
      for (const term of Object.keys(total) as (keyof LedgerTotals)[]) total[term] += item[term];
    }
    items.sort((a, b) => (a.tag < b.tag ? -1 : a.tag > b.tag ? 1 : a.connector < b.connector ? -1 : 1));
    return { total, items, balanced };
  }

  /** Writes the snapshot if anything changed. Samples in flight are left out: after a crash they are in the log, or were never acknowledged. */
  save(): void {
    if (!this.dirty) return;
    const covered = Object.fromEntries(
      [...this.covered].map(([topic, set]) => [topic, { prefix: set.prefix, beyond: set.beyond() }]),
    );
    const rows = [...this.rows.values()].map(({ tag, connector, counts }) => {
      const settled = [...counts];
      settled[Term.received] = (counts[Term.received] ?? 0) - (counts[Term.inFlight] ?? 0);
      settled[Term.inFlight] = 0;
      return { tag, connector, counts: settled };
    });
    this.file.write({ v: 1, covered, rows });
    this.dirty = false;
  }

  private coveredOf(topic: LedgerTopic): Covered {
    const covered = this.covered.get(topic) ?? new Covered();
    this.covered.set(topic, covered);
    return covered;
  }

  private row(tag: string, connector: string): Row {
    const key = `${connector}\n${tag}`;
    let row = this.rows.get(key);
    if (row === undefined) {
      row = { tag, connector, counts: newCounts() };
      this.rows.set(key, row);
    }
    return row;
  }
}

function totalsOf(counts: Counts, stored: number): LedgerTotals {
  const totals = Object.fromEntries(INTAKE_TERMS.map((term) => [term, counts[Term[term]] ?? 0]));
  const appended = (counts[Term.logged] ?? 0) + (counts[Term.generated] ?? 0);
  return { ...totals, stored, lag: appended - stored } as LedgerTotals;
}
