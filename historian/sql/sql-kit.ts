import path from 'node:path';
import type { DuckDBValue } from '@duckdb/node-api';
import type { Clock } from '../../edge/core/clock.ts';
import { LogFolder } from '../../edge/core/kit/log-kit.ts';
import { BatchEncoder } from '../../edge/core/record-batch.ts';
import { applyAll, batchOf, type Tagged, T0 } from '../kit/history-kit.ts';
import type { HistoryFolders } from '../open-read-only.ts';
import { Store } from '../store/store.ts';
import { ask, type Asked } from './engine.ts';
import type { SqlEnd, SqlFormat } from './messages.ts';
import { querySql, type SqlOptions } from './query.ts';
import { type SqlValue, sqlValue } from './values.ts';

/** For tests: what a gateway left behind: samples in files, more of them in the log alone, and events. */
export class LeftBehind implements Disposable {
  private readonly folder = new LogFolder();
  private offset = 0;

  get source(): HistoryFolders {
    return { folder: path.join(this.folder.data, 'historian'), logFolder: this.folder.log };
  }

  /** Once. `clock`: of the store, which notes when files were written. */
  async write(
    stored: readonly Tagged[],
    logged: readonly Tagged[],
    events: readonly object[],
    clock?: Clock,
  ): Promise<void> {
    const log = this.folder.open({ topics: ['samples', 'events'] });
    const store = this.store(log.writer.identity, clock);
    for (const samples of [stored, logged]) {
      for (let at = 0; at < samples.length; at += 5000) {
        const some = samples.slice(at, at + 5000);
        log.writer.append([{ topic: 'samples', batch: batchOf(some, 0), records: some.length }]);
        if (samples === stored) await applyAll(store, [batchOf(some, this.offset)]);
        this.offset += some.length;
      }
      if (samples === stored) await store.flush();
    }
    if (events.length > 0) {
      const encoder = new BatchEncoder();
      for (const event of events) encoder.addRecord(Buffer.from('topic/samples'), Buffer.from(JSON.stringify(event)));
      log.writer.append([{ topic: 'events', batch: encoder.finish(T0 / 1000), records: events.length }]);
    }
    await store.close();
    log.writer.close();
  }

  /** More samples, as a gateway that starts again would take them. */
  async writeMore(samples: readonly Tagged[], clock?: Clock): Promise<void> {
    const log = this.folder.open({ topics: ['samples', 'events'] });
    const store = this.store(log.writer.identity, clock);
    log.writer.append([{ topic: 'samples', batch: batchOf(samples, 0), records: samples.length }]);
    await applyAll(store, [batchOf(samples, this.offset)]);
    this.offset += samples.length;
    await store.flush();
    await store.close();
    log.writer.close();
  }

  /** Lets the store give up what is older than that. */
  async expire(keptMs: number, nowMs: number): Promise<void> {
    const log = this.folder.open({ topics: ['samples', 'events'] });
    const store = this.store(log.writer.identity, undefined, { samples: keptMs });
    store.expire(nowMs);
    await store.close();
    log.writer.close();
  }

  private store(
    log: ConstructorParameters<typeof Store>[0]['log'],
    clock?: Clock,
    retentionMs: Readonly<Record<string, number>> = {},
  ): Store {
    const store = new Store({ folder: this.source.folder, log, retentionMs, ...(clock && { clock }) });
    store.open();
    return store;
  }

  [Symbol.dispose](): void {
    this.folder[Symbol.dispose]();
  }
}

/** All rows of an answer, as objects; asked in this process, which is quicker. */
export async function rowsHere(source: HistoryFolders, sql: string, begun?: Asked): Promise<Record<string, unknown>[]> {
  const asked = begun ?? (await ask({ source, sql, memoryBytes: 256 << 20, threads: 1 }));
  const rows: Record<string, unknown>[] = [];
  const valueOf = (cell: DuckDBValue, i: number): SqlValue => {
    const type = asked.types[i];
    return type === undefined ? null : sqlValue(cell, type);
  };
  try {
    for (let piece = await asked.next(); piece !== null; piece = await asked.next())
      for (const row of piece) rows.push(named(asked.columns, row.map(valueOf)));
  } finally {
    asked.close();
  }
  return rows;
}

/** The whole answer, asked in a process of its own. */
export async function answerOf(
  source: HistoryFolders,
  sql: string,
  format: SqlFormat,
  options?: SqlOptions,
): Promise<{ readonly bytes: Buffer; readonly end: SqlEnd }> {
  await using answer = await querySql(source, sql, format, options);
  const pieces: Uint8Array[] = [];
  for await (const piece of answer.bytes) pieces.push(piece);
  return { bytes: Buffer.concat(pieces), end: answer.end() };
}

/** All rows of an answer in JSON, as objects; asked in a process of its own. */
export async function rowsOf(
  source: HistoryFolders,
  sql: string,
  options?: SqlOptions,
): Promise<Record<string, unknown>[]> {
  const { bytes } = await answerOf(source, sql, 'json', options);
  const { columns, rows } = JSON.parse(bytes.toString()) as { columns: { name: string }[]; rows: unknown[][] };
  return rows.map((row) => named(columns, row));
}

function named(columns: readonly { readonly name: string }[], row: readonly unknown[]): Record<string, unknown> {
  return Object.fromEntries(columns.map(({ name }, i): [string, unknown] => [name, row[i]]));
}
