import {
  BIGINT,
  DuckDBTimestampTZValue,
  type DuckDBTableFunction,
  type DuckDBValue,
  TIMESTAMPTZ,
  VARCHAR,
} from '@duckdb/node-api';
import { messageOf } from '../../edge/core/fault.ts';
import { LogReader, openEnds } from '../../edge/core/reader.ts';
import { RecordCursor } from '../../edge/core/record-cursor.ts';
import type { HistoryPage, TagSummary } from '../queries/history.ts';
import { summariesOf } from '../queries/query.ts';
import type { ReadOnlyHistory } from '../open-read-only.ts';
import type { Gap } from '../reading/gap.ts';
import { gapsBeside } from '../reading/lacking.ts';
import { lateCorrections } from './late-corrections.ts';
import { rowTable } from './row-table.ts';
import { samplesTable } from './samples-table.ts';

/** Name of the table function that has the corrections of what lies in a cold tier. */
export const CORRECTIONS_FUNCTION = 'millrace_late_corrections';

/** What the scans of `samples` of one question must give at least. */
export interface SampleBounds {
  /** Of each scan: whether it may want samples of this tag. */
  readonly wants: readonly ((tag: string) => boolean)[];
  /** Tags by name, where every scan names its own; null: all. */
  readonly tags: readonly string[] | null;
  readonly fromUs: number;
  readonly toUs: number;
}

/** The history, tags and events of one question as table functions. */
export class StoreTables {
  /** Spans in which samples may be missing from what was read. */
  gaps = 0;
  /** What went wrong in a table, with its code: DuckDB knows texts alone. */
  failure: unknown;
  /** Set when the plan is known, before anything is read. */
  bounds: SampleBounds = { wants: [], tags: [], fromUs: 0, toUs: 0 };
  /** What a cold tier gives beside the store: its gaps, and the time from which on it has what expired, µs. */
  tier: { readonly gaps: readonly Gap[]; readonly beginUs: number } = { gaps: [], beginUs: Number.POSITIVE_INFINITY };
  private readonly history: ReadOnlyHistory;
  private readonly logFolder: string;
  private readonly onPage: (page: HistoryPage) => void;

  /** `onPage` is shown each page of samples that was read. */
  constructor(history: ReadOnlyHistory, logFolder: string, onPage: (page: HistoryPage) => void = () => undefined) {
    this.history = history;
    this.logFolder = logFolder;
    this.onPage = onPage;
  }

  functions(): DuckDBTableFunction[] {
    const onError = (error: unknown): string => {
      this.failure ??= error;
      return messageOf(error);
    };
    const tags = { tag: VARCHAR, samples: BIGINT, first_time: TIMESTAMPTZ, last_time: TIMESTAMPTZ };
    const events = { log_offset: BIGINT, time: TIMESTAMPTZ, key: VARCHAR, type: VARCHAR, event: VARCHAR };
    const corrections = { tag: VARCHAR, time: TIMESTAMPTZ, log_offset: BIGINT };
    return [
      samplesTable(() => this.pages(), onError),
      rowTable('millrace_tags', tags, () => this.tags(), onError),
      rowTable('millrace_events', events, () => this.events(), onError),
      rowTable(CORRECTIONS_FUNCTION, corrections, () => this.corrections(), onError),
    ];
  }

  /** Whether something that lies in a cold tier was replaced by what the store has. */
  get hasCorrections(): boolean {
    return this.corrections().next().done !== true;
  }

  private *corrections(): Generator<DuckDBValue[]> {
    const { fromUs, toUs } = this.bounds;
    const beforeUs = this.history.opened.parts.hiding.expired.map((expiry) => expiry.beforeUs);
    const span = { fromUs, toUs: Math.min(toUs, Math.max(Number.NEGATIVE_INFINITY, ...beforeUs)) };
    for (const { tag, timeUs, offset } of lateCorrections(this.history, this.wantedSummaries(), span))
      yield [tag, timeValue(timeUs), BigInt(offset)];
  }

  private *pages(): Generator<HistoryPage> {
    const { fromUs, toUs } = this.bounds;
    for (const tag of this.wantedTags()) {
      for (let after: HistoryPage['next'] | undefined; after !== null;) {
        const page = this.history.pageNow({ tag, fromUs, toUs, after: after ?? undefined });
        this.gaps += page.gaps.flatMap((gap) => gapsBeside(gap, this.tier.beginUs)).length;
        this.onPage(page);
        if (page.points.count > 0) yield page;
        after = page.next;
      }
    }
  }

  private *wantedTags(): Generator<string> {
    const { tags } = this.bounds;
    if (tags !== null) return yield* tags;
    for (const { tag } of this.wantedSummaries()) yield tag;
  }

  private *wantedSummaries(): Generator<TagSummary> {
    const { tags, wants } = this.bounds;
    if (tags !== null) return yield* summariesOf(this.history.opened, tags);
    for (const summary of this.allTags()) if (wants.some((wanted) => wanted(summary.tag))) yield summary;
  }

  private *allTags(): Generator<TagSummary> {
    for (let page = this.history.tagsNow(); page.length > 0; page = this.history.tagsNow(page.at(-1)?.tag)) yield* page;
  }

  private *tags(): Generator<DuckDBValue[]> {
    for (const { tag, samples, firstUs, lastUs } of this.allTags())
      yield [tag, BigInt(samples), timeValue(firstUs), timeValue(lastUs)];
  }

  /** What cannot be read is passed over; its gap is an event too. */
  private *events(): Generator<DuckDBValue[]> {
    const ends = openEnds(this.logFolder);
    if (!ends.topics.includes('events')) return;
    const reader = new LogReader({ logFolder: this.logFolder, topic: 'events', ends });
    const cursor = new RecordCursor();
    try {
      for (reader.seek(ends.start('events')); reader.position < ends.end('events');) {
        const result = reader.read();
        if (result.kind === 'end') return;
        if (result.kind !== 'data') continue;
        for (let at = 0; at < result.bytes.length;) {
          at = cursor.open(result.bytes, at);
          while (cursor.next()) if (cursor.value() !== null) yield eventRow(cursor);
        }
      }
    } finally {
      reader.close();
    }
  }
}

function eventRow(cursor: RecordCursor): DuckDBValue[] {
  const text = new TextDecoder().decode(cursor.value() ?? new Uint8Array());
  const { at = cursor.timestampMs * 1000, type = null } = JSON.parse(text) as { at?: number; type?: string };
  return [BigInt(cursor.offset), timeValue(at), cursor.keyText(), type, text];
}

function timeValue(us: number): DuckDBTimestampTZValue {
  return new DuckDBTimestampTZValue(BigInt(us));
}
