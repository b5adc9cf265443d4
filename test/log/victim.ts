import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { Log } from '../../edge/core/log.ts';
import { spawnGateway } from '../end-to-end/gateway-process.ts';
import { GiveUp, waitFor } from '../services/wait.ts';
import { Acknowledged } from './acknowledged.ts';
import { CRASH_SEGMENT_BYTES, CRASH_TOPICS } from './crash-topics.ts';
import { kafkaComplaints, verifyTopic } from './log-kit.ts';

const childFile = fileURLToPath(new URL('./crash-child.ts', import.meta.url));

/** Which of a producer's batches the child gives to a topic. */
const numbersOf: Record<string, (number: number) => boolean> = {
  samples: (number) => number % 5 !== 4,
  'samples.critical': (number) => number % 10 === 9,
  derived: (number) => number % 10 === 4,
};

/** A data folder, what was acknowledged about it, and how far it was checked. */
export class Victim implements Disposable {
  readonly data = mkdtempSync(path.join(tmpdir(), 'millrace-kill-'));
  readonly log = path.join(this.data, 'log');
  readonly acknowledged = new Acknowledged();
  private readonly checked = new Map<string, number>();

  [Symbol.dispose](): void {
    rmSync(this.data, { recursive: true, force: true });
  }

  /** Runs the writing process, kills it, and notes what it had acknowledged. `early`: while it opens the log, else under load; `afterMs` from there on. */
  async killOne(run: number, early: boolean, afterMs: number): Promise<void> {
    const output = path.join(this.data, `${run}.txt`);
    const child = spawnGateway(process.execPath, [childFile, this.data, String(run)], this.data, output);
    const opened = (): boolean => {
      if (child.ended() !== undefined) throw new GiveUp(`the child ended with ${child.ended()}: ${read(output)}`);
      return read(output).includes('\n');
    };
    if (!early) await waitFor('the log is open', opened);
    await pause(afterMs);
    await child.kill9();
    this.take(run, read(output));
    rmSync(output);
  }

  private take(run: number, output: string): void {
    // What stands behind the last line end was being told.
    const lines = output.split('\n').slice(0, -1);
    for (const line of lines) {
      const [what, ...words] = line.split(' ');
      if (what === 'open') {
        // What was acknowledged before is in the log that this process has recovered.
        for (const [i, topic] of CRASH_TOPICS.entries())
          assert(Number(words[i]) >= this.acknowledged.end(topic), `${topic} ends at ${words[i]}`);
        continue;
      }
      const [topic = '', offset, records, producer, number] = words;
      assert.equal(what, 'ack', line);
      const name = { run, producer: Number(producer), number: Number(number) };
      this.acknowledged.add({ topic, offset: Number(offset), records: Number(records), name });
    }
  }

  /** Opens the log as a gateway does, checks what came since the last time, or everything, and closes it. Returns the records read. */
  async reopen(everything = false): Promise<number> {
    const options = { dataFolder: this.data, budgetBytes: 1e12, nowMs: Date.now(), topics: CRASH_TOPICS };
    const log = new Log({ ...options, segmentBytes: CRASH_SEGMENT_BYTES });
    await log.open(() => undefined);
    let records = 0;
    for (const topic of CRASH_TOPICS) {
      const from = everything ? 0 : (this.checked.get(topic) ?? 0);
      assert.equal(log.ends.start(topic), 0);
      records += this.acknowledged.check(this.log, topic, log.ends, from, numbersOf[topic] ?? (() => false));
      assert.deepEqual(log.state.reports[topic]?.damage ?? [], []);
      this.checked.set(topic, log.ends.end(topic));
    }
    await log.close();
    assert.equal(log.state.failed, undefined);
    return records;
  }

  /** What `log verify` and, if asked, Kafka's own tools have against the closed log. */
  async complaints(kafka: boolean): Promise<unknown[]> {
    const ours = CRASH_TOPICS.flatMap((topic) => {
      const { problems, lost } = verifyTopic(this.log, topic, this.checked.get(topic) ?? 0);
      return lost === 0 ? problems : [...problems, { topic, lost }];
    });
    return kafka ? [...ours, ...(await kafkaComplaints(this.log, CRASH_TOPICS))] : ours;
  }
}

function read(file: string): string {
  return readFileSync(file, 'utf8');
}
