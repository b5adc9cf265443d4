import type { Disk } from '../disk.ts';
import type { DurableEnds } from '../durable-ends.ts';
import { HandClock } from './clock-kit.ts';
import { LogFolder, type OpenLog, type OpenOptions } from '../kit/log-kit.ts';
import { LogReader } from '../reader.ts';
import { RecordCursor } from '../record-cursor.ts';

export const HOUR_MS = 3_600_000;
export const DAY_MS = 24 * HOUR_MS;
/** When these tests begin, ms. */
export const START = 1_700_000_000_000;

/** For tests: a log folder and a clock that is moved by hand. Samples are kept for a fortnight. */
export class RetentionKit implements Disposable {
  readonly folder = new LogFolder();
  readonly clock = new HandClock(START);

  [Symbol.dispose](): void {
    this.folder[Symbol.dispose]();
  }

  /** Opens the log; nobody holds anything. */
  open(options: OpenOptions = {}): OpenLog {
    const { folder, clock } = this;
    const retentionMs = { samples: 14 * DAY_MS };
    const log = folder.open({ topics: ['samples', 'events'], segmentBytes: 300, retentionMs, clock, ...options });
    log.writer.hold({});
    return log;
  }

  /** Appends five records a day, a segment each, stamped as the clock says. */
  days(log: OpenLog, count: number): void {
    for (let day = 0; day < count; day++) {
      log.append(log.ends.end('samples'), 5, { timestampMs: this.clock.nowMs() });
      log.writer.retain();
      this.clock.pass(DAY_MS);
    }
  }

  /** The events of a log, as JSON. */
  events(ends: DurableEnds): Record<string, unknown>[] {
    return eventsOf({ logFolder: this.folder.log, ends });
  }
}

/** The events of a log, as JSON. */
export function eventsOf(place: {
  readonly logFolder: string;
  readonly ends: DurableEnds;
  readonly disk?: Disk;
}): Record<string, unknown>[] {
  const reader = new LogReader({ ...place, topic: 'events' });
  reader.seek(place.ends.start('events'));
  const found: Record<string, unknown>[] = [];
  const cursor = new RecordCursor();
  for (let result = reader.read(); result.kind !== 'end'; result = reader.read()) {
    if (result.kind !== 'data') continue;
    for (let at = 0; at < result.bytes.length;) {
      at = cursor.open(result.bytes, at);
      while (cursor.next()) {
        const value = JSON.parse(new TextDecoder().decode(cursor.value() ?? undefined)) as Record<string, unknown>;
        found.push({ key: cursor.keyText(), ...value });
      }
    }
  }
  reader.close();
  return found;
}
