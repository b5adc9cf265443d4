import path from 'node:path';
import { HistorianClient } from '../../historian/client.ts';
import type { Eraser } from '../../historian/eraser.ts';
import { batchOf, double, EVER, LOG, T0, type Tagged } from '../../historian/kit/history-kit.ts';
import { waitFor } from '../../test/services/wait.ts';
import { type Disk, realDisk } from '../core/disk.ts';
import { eachRecord } from '../core/each-record.ts';
import { Fault } from '../core/fault.ts';
import { LogFolder, type OpenLog } from '../core/kit/log-kit.ts';
import { systemError } from '../core/kit/traced-disk.ts';
import { eraseAll } from '../core/repack/erase-kit.ts';
import type { LogErasure } from '../core/repack/erased-records.ts';
import { HandClock } from '../core/retention/clock-kit.ts';
import { ErasureBook } from './book.ts';
import { EraseKeeper, type EraseKeeperOptions } from './keeper.ts';

/** For tests: tags of a plant. */
export const TAGS = ['plant/line1/a', 'plant/line1/b', 'plant/line10/a', 'plant/Line1/c', 'plant/line1'];

/** A dictionary of these tags. */
const dictionary = {
  all: () => TAGS.map((tag) => ({ path: tag })),
  find: (tag: string) => dictionary.all().find((each) => each.path.toLowerCase() === tag.toLowerCase()),
} as unknown as ConstructorParameters<typeof EraseKeeper>[0]['dictionary'];

/** A place of copies that may be away. */
class Tier implements Eraser {
  readonly name = 'tier';
  isThere = true;
  readonly asked: { tags: readonly string[]; fromUs: number; toUs: number; upTo: Readonly<Record<string, number>> }[] =
    [];

  async erase(...[tags, fromUs, toUs, upTo]: Parameters<Eraser['erase']>): Promise<void> {
    await Promise.resolve();
    if (!this.isThere) throw new Fault('not-ready', 'The tier is away.');
    this.asked.push({ tags, fromUs, toUs, upTo });
  }
}

/** For tests: a log, a historian in its worker and an order book; lives of a keeper on them. */
export class World implements AsyncDisposable {
  readonly folder = new LogFolder();
  readonly log: OpenLog = this.folder.open();
  readonly clock = new HandClock(T0 / 1000);
  readonly tier = new Tier();
  readonly events: Record<string, unknown>[] = [];
  readonly warnings: string[] = [];
  readonly historian: HistorianClient;
  takesEvents = true;
  /** Whether the disk takes the order book. */
  takesBook = true;
  /** Why segments cannot be written anew. */
  logFault: Fault | undefined;
  unread: readonly string[] = [];
  /** How long the log waits for the historian. */
  takenMs = 10_000;
  /** Orders that the log was asked for. */
  readonly erasedInLog: LogErasure[] = [];
  book = this.newBook();
  private nextId = 1;

  constructor() {
    this.historian = new HistorianClient({
      logFolder: this.folder.log,
      folder: `${this.folder.data}/historian`,
      ends: this.log.ends,
      logId: LOG.logId,
    });
  }

  get bookFile(): string {
    return path.join(this.folder.data, 'erasures.json');
  }

  newBook(): ErasureBook {
    const disk: Disk = {
      ...realDisk,
      open: (file, mode) => {
        if (!this.takesBook && mode !== 'r') throw systemError('ENOSPC');
        return realDisk.open(file, mode);
      },
    };
    return new ErasureBook(disk, this.bookFile);
  }

  /** A keeper that knows what is on record. */
  keeper(erasers: readonly Eraser[] = [this.tier]): EraseKeeper {
    this.book = this.newBook();
    this.book.open();
    const { log, clock, historian, book } = this;
    const ends = {
      start: (topic: string) => (topic === 'samples' ? log.ends.start(topic) : 0),
      end: (topic: string) => (topic === 'samples' ? log.ends.end(topic) : 0),
    };
    const record = (topic: string, key: string, members: Record<string, unknown>): Promise<number | undefined> => {
      if (!this.takesEvents) return Promise.resolve(undefined);
      return Promise.resolve(this.events.push({ topic, key, ...members }) - 1);
    };
    const logger = { warn: (_: object, text: string) => void this.warnings.push(text) };
    const newId = (): string => `e-${this.nextId++}`;
    const segments: EraseKeeperOptions['log'] = {
      erase: (erasure, onProgress) => Promise.resolve(this.eraseInLog(erasure, onProgress)),
    };
    const keeper = new EraseKeeper({
      book,
      dictionary,
      historian,
      log: segments,
      erasers,
      ends,
      events: { record },
      clock,
      newId,
      logger,
      takenMs: this.takenMs,
    });
    keeper.open();
    return keeper;
  }

  /** The log of a gateway does it in another thread. */
  private eraseInLog(erasure: LogErasure, onProgress: Parameters<EraseKeeperOptions['log']['erase']>[1]) {
    if (this.logFault !== undefined) throw this.logFault;
    this.erasedInLog.push(erasure);
    const { folder, log } = this;
    const result = eraseAll(realDisk, folder.log, log.writer, [erasure], (step) => {
      if (step?.type === 'progress') onProgress?.(step.done, step.total);
    });
    return { ...result, unread: this.unread };
  }

  /** Offsets of records of the log that have no value. */
  erasedOffsets(): number[] {
    const offsets: number[] = [];
    eachRecord(this.folder.log, 'samples', this.log.ends, 0, ({ offset, valueStart }) => {
      if (valueStart < 0) offsets.push(offset);
    });
    return offsets;
  }

  async append(samples: readonly Tagged[]): Promise<void> {
    this.log.writer.append([{ topic: 'samples', batch: batchOf(samples, 0), records: samples.length }]);
    await waitFor('the historian to have caught up', () => this.historian.state().lagSamples === 0);
  }

  async values(tag: string): Promise<unknown[]> {
    const { points } = await this.historian.page({ tag, ...EVER });
    return Array.from({ length: points.count }, (_, i) => points.slots[i]);
  }

  /** Time goes by until something holds. */
  until(keeper: EraseKeeper, what: string, holds: () => boolean): Promise<void> {
    return waitFor(what, () => {
      this.clock.pass(1000);
      keeper.look();
      return holds();
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.historian.state().running) await this.historian.stop();
    this.log.writer.close();
    this.folder[Symbol.dispose]();
  }
}

/** For tests: ten samples of each tag, a second apart, one tag behind the other. */
export const tenOfEach = (): Tagged[] => TAGS.flatMap((tag) => Array.from({ length: 10 }, (_, i) => double(tag, i, i)));
