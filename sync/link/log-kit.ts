import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { randomUUID } from 'node:crypto';
import { realDisk } from '../../edge/core/disk.ts';
import { DurableEnds } from '../../edge/core/durable-ends.ts';
import { TestLogWriter } from '../../edge/core/kit/log-kit.ts';
import { BatchEncoder, type RecordHeader } from '../../edge/core/record-batch.ts';

const encoder = new TextEncoder();

export interface TestLogOptions {
  readonly topics?: readonly string[];
  readonly logId?: string;
  readonly segmentBytes?: number;
  readonly budgetBytes?: number;
}

/** A real log in a temporary folder, for tests of what reads it; its writer runs on the thread of the test. */
export class TestLog {
  readonly folder = mkdtempSync(path.join(tmpdir(), 'millrace-link-'));
  readonly ends: DurableEnds;
  readonly writer: TestLogWriter;
  private count = 0;

  constructor({ topics = ['samples'], logId = randomUUID(), segmentBytes, budgetBytes = 1e12 }: TestLogOptions = {}) {
    this.ends = DurableEnds.create(topics);
    this.writer = new TestLogWriter({
      disk: realDisk,
      logFolder: this.folder,
      lostAndFound: path.join(this.folder, 'lost+found'),
      ends: this.ends,
      budgetBytes,
      newLogId: logId,
      stamp: 'test',
      ...(segmentBytes === undefined ? {} : { segmentBytes }),
    });
    this.writer.open();
  }

  get logId(): string {
    return this.writer.identity.logId;
  }

  end(topic = 'samples'): number {
    return this.ends.end(topic);
  }

  /** Appends batches of so many records each, all different; every seventh record has headers, every eleventh a null value. */
  append(batches: number, recordsPerBatch: number, timestampMs = Date.now(), topic = 'samples'): void {
    const requests = [];
    for (let b = 0; b < batches; b++) {
      const batch = new BatchEncoder();
      for (let r = 0; r < recordsPerBatch; r++) {
        const n = this.count++;
        const headers: RecordHeader[] =
          n % 7 === 0
            ? [
                ['c', encoder.encode(`pump-${n}`)],
                ['p', null],
              ]
            : [];
        const value = n % 11 === 0 ? null : encoder.encode(`value ${n} ${'x'.repeat(n % 40)}`);
        batch.addRecord(encoder.encode(`plant/line${n % 5}/tag${n % 100}`), value, headers);
      }
      requests.push({ topic, batch: batch.finish(timestampMs + b), records: recordsPerBatch });
    }
    const failed = this.writer.append(requests).find((answer) => typeof answer !== 'number');
    if (failed !== undefined) throw new Error(JSON.stringify(failed));
  }

  [Symbol.dispose](): void {
    this.writer.close();
    rmSync(this.folder, { recursive: true, force: true });
  }
}
