import { fileURLToPath } from 'node:url';
import { Fault, fromFaultMessage, toFaultMessage } from '../../edge/core/fault.ts';
import type { HistoryFolders } from '../open-read-only.ts';
import { OwnProcess } from '../own-process.ts';
import type { ColdSpan } from '../parquet/cold-rows.ts';
import type { ColdDoor } from '../parquet/process.ts';
import type { SqlColumn, SqlEnd, SqlFormat, SqlNotice, SqlRequest } from './messages.ts';

const MAIN = fileURLToPath(new URL('./child.ts', import.meta.url));
/** JavaScript's memory of the process: pages of samples and rows on their way. */
const HEAP_MB = 512;

/** What a question may take; all of it from the first moment to the last row. */
export interface SqlLimits {
  /** 30,000 unless told. */
  readonly timeMs?: number | undefined;
  /** 100,000 unless told. */
  readonly rows?: number | undefined;
  /** Memory of DuckDB; 256 MiB unless told. */
  readonly memoryBytes?: number | undefined;
  /** 1 unless told. */
  readonly threads?: number | undefined;
}

/** What a question may take of which nothing else is said. */
export const DEFAULT_SQL_LIMITS = {
  timeMs: 30_000,
  rows: 100_000,
  memoryBytes: 256 * 1024 * 1024,
  threads: 1,
} as const;

/** How a question is asked. */
export interface SqlOptions {
  /** Ends it at once; the answer then ends with the signal's reason. */
  readonly signal?: AbortSignal | undefined;
  readonly limits?: SqlLimits;
  /** The cold tier, for what the store has given up. */
  readonly cold?: (ColdDoor & { readonly localFolder: string }) | undefined;
  /** The rows go into this Parquet file, which must not exist; the answer is empty. */
  readonly parquetFile?: string | undefined;
}

/** An answer, whose bytes are still to come. */
export interface SqlAnswer extends AsyncDisposable {
  readonly columns: readonly SqlColumn[];
  /** The answer in its format, once; what comes next is computed when it is asked for. To stop early ends the process. */
  readonly bytes: AsyncIterable<Uint8Array>;
  /** When the last of them has come. */
  readonly end: () => SqlEnd;
}

/**
 * Asks a question in SQL (DuckDB) over `samples`, `tags` and `events`, in a process of its own: threads do not contain crashes of native code (DESIGN, "Threads"), what was not needed takes
 * no memory, and the answer is written there. Throws `sql-refused`, `sql-invalid`, `sql-limit` (time, memory, size of a row), `worker-failed`, what the historian throws, or the signal's reason;
 * so do the bytes. Where there are more rows than the limit says the answer ends there, and says so.
 */
export async function querySql(
  source: HistoryFolders,
  sql: string,
  format: SqlFormat,
  options: SqlOptions = {},
): Promise<SqlAnswer> {
  const { signal, limits = {}, cold, parquetFile } = options;
  signal?.throwIfAborted();
  const given = Object.entries(limits).filter(([, limit]) => limit !== undefined);
  const { timeMs, rows: maxRows, memoryBytes, threads } = { ...DEFAULT_SQL_LIMITS, ...Object.fromEntries(given) };
  const asker = new Asker(cold);
  const limit = setTimeout(() => asker.end(new Fault('sql-limit', `More than ${timeMs} ms.`)), timeMs);
  const onAbort = (): void => asker.end(signal?.reason);
  signal?.addEventListener('abort', onAbort, { once: true });
  const close = async (): Promise<void> => {
    clearTimeout(limit);
    signal?.removeEventListener('abort', onAbort);
    await asker.stop();
  };
  try {
    asker.post({
      type: 'job',
      job: { source, sql, format, maxRows, memoryBytes, threads, coldFolder: cold?.localFolder, parquetFile },
    });
    const notice = await asker.next();
    if (notice.type !== 'columns') throw new Fault('worker-failed', `SQL: ${notice.type} before the columns`);
    let end: SqlEnd = { rows: 0, gaps: 0, more: false };
    const bytes = piecesOf(asker, (told) => (end = told), close);
    return { columns: notice.columns, bytes, end: () => end, [Symbol.asyncDispose]: close };
  } catch (error) {
    await close();
    throw error;
  }
}

async function* piecesOf(
  asker: Asker,
  onEnd: (end: SqlEnd) => void,
  close: () => Promise<void>,
): AsyncGenerator<Uint8Array> {
  try {
    for (;;) {
      const notice = await asker.next();
      if (notice.type === 'end') return onEnd(notice.end);
      if (notice.type !== 'piece') throw new Fault('worker-failed', `SQL: ${notice.type} instead of a piece`);
      yield notice.bytes;
      asker.post({ type: 'more' });
    }
  } finally {
    await close();
  }
}

/** The process, and what it says, one thing at a time. */
class Asker {
  private readonly child: OwnProcess<SqlRequest>;
  private readonly notices: SqlNotice[] = [];
  private readonly ended: Promise<void>;
  private failure: { readonly why: unknown } | undefined;
  private wake: () => void = () => undefined;
  private readonly cold: ColdDoor | undefined;
  /** Gives back what was lent of the cold tier. */
  private release: () => void = () => undefined;

  constructor(cold: ColdDoor | undefined) {
    this.cold = cold;
    const options = { heapMb: HEAP_MB, quiet: true };
    this.child = OwnProcess.start<SqlRequest>(MAIN, (notice: SqlNotice) => this.take(notice), options);
    this.ended = this.child.ended.then((how) => this.settle(how));
  }

  post(request: SqlRequest): void {
    this.child.post(request);
  }

  /** What it says next; at its end why. */
  async next(): Promise<SqlNotice> {
    for (;;) {
      if (this.failure !== undefined && this.notices.length === 0) throw this.failure.why;
      const notice = this.notices.shift();
      if (notice?.type === 'failed') throw fromFaultMessage(notice.fault);
      if (notice !== undefined) return notice;
      const { promise, resolve } = Promise.withResolvers<void>();
      this.wake = resolve;
      await promise;
    }
  }

  private take(notice: SqlNotice): void {
    if (notice.type === 'cold') return void this.lend(notice.span);
    this.notices.push(notice);
    this.wake();
  }

  private async lend(span: ColdSpan): Promise<void> {
    try {
      const lent = await this.cold?.lend(span);
      if (lent === undefined) throw new Fault('worker-failed', 'SQL: there is no cold tier');
      // The process may have ended meanwhile.
      if (this.failure === undefined) this.release = () => lent.release();
      else lent.release();
      this.post({ type: 'cold', cold: { files: lent.files } });
    } catch (error) {
      this.post({ type: 'cold', cold: { fault: toFaultMessage(error) } });
    }
  }

  /** Ends it because of this, at once. */
  end(why: unknown): void {
    this.notices.length = 0;
    this.failure ??= { why };
    this.child.kill();
    this.wake();
  }

  /** Ends it, and waits until the system has taken it away. */
  async stop(): Promise<void> {
    this.child.kill();
    await this.ended;
  }

  private settle(how: string): void {
    const { said } = this.child;
    this.failure ??= { why: new Fault('worker-failed', `SQL: ${how}${said && `: ${said}`}`) };
    this.release();
    this.wake();
  }
}
