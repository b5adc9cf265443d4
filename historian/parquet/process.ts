import { fileURLToPath } from 'node:url';
import { Fault, fromFaultMessage, toFaultMessage } from '../../edge/core/fault.ts';
import { OwnProcess } from '../own-process.ts';
import { withOwnSlots } from '../points/points.ts';
import type { ColdFiles, ColdReply, ColdSpan } from './cold-rows.ts';
import type {
  ParquetAnswers,
  ParquetNotice,
  ParquetQuestion,
  ParquetRequest,
  ReadJob,
  ReadRows,
  RewriteJob,
  WriteJob,
  WrittenFile,
} from './messages.ts';

const MAIN = fileURLToPath(new URL('./child.ts', import.meta.url));

interface Waiting {
  readonly resolve: (answer: never) => void;
  readonly reject: (error: unknown) => void;
  readonly options: WriteOptions;
  /** Gives back what it was lent of the cold tier. */
  release: (() => void) | undefined;
}

/** Who is told, and who is asked, while a file is written. */
export interface WriteOptions {
  readonly onProgress?: ((samples: number) => void) | undefined;
  /** The cold tier, for what the store has given up. */
  readonly cold?: ColdDoor | undefined;
}

/** Lends files of the cold tier to the work of another process. */
export interface ColdDoor {
  /** What the tier has of a span, on the local disk until it is released. Throws `data-unreadable`, `sql-limit`. */
  lend(span: ColdSpan): Promise<{ readonly files: ColdFiles; release(): void }>;
}

/**
 * DuckDB in a process of its own, for files of ours: threads do not contain crashes of native code (DESIGN, "Threads"). Started by the first question; after its death by the next one.
 * Questions are answered one after the other.
 */
export class ParquetProcess {
  private child: OwnProcess<ParquetRequest> | undefined;
  private readonly waiting = new Map<number, Waiting>();
  private nextId = 0;

  /** Writes samples into a file. Throws `file-unwritable`, `worker-failed`, what the historian throws. */
  write(job: WriteJob, options: WriteOptions = {}): Promise<WrittenFile> {
    const { cold } = options;
    return this.ask({ ask: 'write', job: { ...job, cold: cold !== undefined } }, options);
  }

  /** Writes a file again without what is erased. Throws `tier-unreadable`, `file-unwritable`, `worker-failed`. */
  rewrite(job: RewriteJob): Promise<ParquetAnswers['rewrite']> {
    return this.ask({ ask: 'rewrite', job });
  }

  /** Reads samples of a tag out of a file. Throws `historian-damaged`, `worker-failed`. */
  async read(job: ReadJob): Promise<ReadRows> {
    const { points, more } = await this.ask({ ask: 'read', job });
    return { points: withOwnSlots(points), more };
  }

  /** Ends the process at once; what was asked fails. */
  async close(): Promise<void> {
    const { child } = this;
    child?.kill();
    await child?.ended;
  }

  private ask<Q extends ParquetQuestion>(question: Q, options: WriteOptions = {}): Promise<ParquetAnswers[Q['ask']]> {
    this.child ??= this.start();
    const id = this.nextId++;
    const { child } = this;
    return new Promise((resolve, reject) => {
      this.waiting.set(id, { resolve, reject, options, release: undefined });
      child.post({ type: 'question', id, question });
    });
  }

  private start(): OwnProcess<ParquetRequest> {
    const child = OwnProcess.start<ParquetRequest>(MAIN, (notice: ParquetNotice) => this.take(notice));
    void child.ended.then((how) => this.lost(how));
    return child;
  }

  private take(notice: ParquetNotice): void {
    const waiting = this.waiting.get(notice.id);
    if (notice.type === 'progress') return waiting?.options.onProgress?.(notice.samples);
    if (notice.type === 'cold') return void this.lend(notice.id, notice.span);
    this.waiting.delete(notice.id);
    waiting?.release?.();
    if (notice.type === 'answer') waiting?.resolve(notice.answer as never);
    else waiting?.reject(fromFaultMessage(notice.fault));
  }

  private lost(why: string): void {
    this.child = undefined;
    for (const { reject, release } of this.waiting.values()) {
      release?.();
      reject(new Fault('worker-failed', `Parquet: ${why}`));
    }
    this.waiting.clear();
  }

  private async lend(id: number, span: ColdSpan): Promise<void> {
    const waiting = this.waiting.get(id);
    let cold: ColdReply;
    try {
      const lent = await waiting?.options.cold?.lend(span);
      if (lent === undefined) throw new Fault('worker-failed', 'Parquet: there is no cold tier');
      // The process may have ended meanwhile.
      if (waiting === undefined || !this.waiting.has(id)) return lent.release();
      waiting.release = () => lent.release();
      cold = { files: lent.files };
    } catch (error) {
      cold = { fault: toFaultMessage(error) };
    }
    this.child?.post({ type: 'cold', id, cold });
  }
}
