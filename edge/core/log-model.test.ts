import { describe, expect, test } from 'vitest';
import { CrashDisk, PowerFailure, type Random, seeded } from './crash-disk.ts';
import { DurableEnds } from './durable-ends.ts';
import { Fault } from './fault.ts';
import { numbered, pairs, readAll } from './log-kit.ts';
import { LogWriter } from './log-writer.ts';
import { LogReader } from './reader.ts';

const TOPICS = ['samples', 'events', 'audit'];
const SEGMENT_BYTES = 3000;

/** What a topic must hold: the number at each offset. What was appended without an answer may follow, or a first part of it. */
interface ModelTopic {
  known: number[];
  unanswered: number[];
}

/** Throws where the two differ. */
function same(what: string, found: unknown, right: unknown): void {
  const [a, b] = [JSON.stringify(found), JSON.stringify(right)];
  if (a !== b) throw new Error(`${what}: ${a?.slice(0, 300)} instead of ${b?.slice(0, 300)}`);
}

/** Runs a log and a plain array side by side; every difference is an error. */
class Run {
  readonly counts = { commits: 0, crashes: 0, recovered: 0, cut: 0, unansweredKept: 0, deleted: 0, indexesLost: 0 };
  private readonly random: Random;
  private readonly disk = new CrashDisk();
  private readonly model = new Map<string, ModelTopic>(TOPICS.map((t) => [t, { known: [], unanswered: [] }]));
  private running: { readonly writer: LogWriter; readonly ends: DurableEnds } | undefined;
  private nextNumber = 0;
  private opens = 0;

  constructor(seed: number) {
    this.random = seeded(seed);
  }

  /** One random step. */
  step(): void {
    if (this.random(8) === 0) this.disk.callsLeft = this.random(40);
    try {
      this.act();
    } catch (error) {
      // A log that cannot be opened without power says so as a fault of its own.
      if (!(error instanceof PowerFailure) && !(error instanceof Fault)) throw error;
      if (this.disk.callsLeft > 0) throw error;
    }
    if (this.disk.callsLeft <= 0) this.crash();
  }

  private act(): void {
    const log = this.running;
    if (log === undefined) {
      if (this.random(3) === 0) this.loseIndex();
      this.open();
    } else {
      if (this.random(3) === 0) log.writer.repairIndex();
      const choice = this.random(20);
      if (choice < 13) this.commit(log.writer);
      else if (choice < 15) this.compare(log.ends, this.random(2) === 0);
      else if (choice < 16) this.retain(log.writer, log.ends);
      else if (choice < 18) this.close(log.writer);
      else this.crash();
    }
  }

  private topic(name: string): ModelTopic {
    const topic = this.model.get(name);
    if (topic === undefined) throw new Error(name);
    return topic;
  }

  private commit(writer: LogWriter): void {
    const requests = Array.from({ length: 1 + this.random(4) }, () => {
      const name = TOPICS[this.random(TOPICS.length)] ?? '';
      const records = 1 + this.random(this.random(10) === 0 ? 150 : 12);
      const first = this.nextNumber;
      this.nextNumber += records;
      const batch = numbered(first, records, { size: 8 + this.random(60), compress: this.random(3) === 0 });
      const numbers = Array.from({ length: records }, (_, i) => first + i);
      this.topic(name).unanswered.push(...numbers);
      return { topic: name, batch, records, numbers };
    });
    const answers = writer.append(requests);
    this.counts.commits++;
    for (const [i, answer] of answers.entries()) {
      const { topic: name = '', numbers = [] } = requests[i] ?? {};
      if (typeof answer !== 'number') continue;
      const { known } = this.topic(name);
      same(`answer for ${name}`, answer, known.length);
      known.push(...numbers);
    }
    if (writer.failed === undefined) for (const topic of this.model.values()) topic.unanswered = [];
    else if (this.disk.callsLeft > 0) throw new Error(`commit: ${writer.failed.detail}`);
  }

  private retain(writer: LogWriter, ends: DurableEnds): void {
    const starts = TOPICS.map((name) => ends.start(name));
    writer.hold(Object.fromEntries(TOPICS.map((name) => [name, this.random(ends.end(name) + 1)])));
    writer.retain();
    this.counts.deleted += TOPICS.filter((name, i) => ends.start(name) !== starts[i]).length;
  }

  /** Somebody deletes an index, or it is cut off. */
  private loseIndex(): void {
    const folder = `/data/log/${TOPICS[this.random(TOPICS.length)] ?? ''}-0`;
    const files = this.disk.list(folder).filter((name) => name.endsWith('index'));
    const file = files[this.random(files.length)];
    if (file === undefined) return;
    if (this.random(2) === 0) this.disk.unlink(`${folder}/${file}`);
    else this.disk.close(this.disk.open(`${folder}/${file}`, 'w'));
    this.counts.indexesLost++;
  }

  private open(): void {
    const ends = DurableEnds.create(TOPICS);
    const writer = new LogWriter({
      disk: this.disk,
      logFolder: '/data/log',
      lostAndFound: '/data/lost+found',
      ends,
      segmentBytes: SEGMENT_BYTES,
      budgetBytes: 20_000,
      newLogId: 'model',
      stamp: String(this.opens++),
    });
    const reports = writer.open();
    for (const [name, report] of Object.entries(reports)) {
      same(`damage in ${name}`, report.damage, []);
      if (report.cut !== undefined) this.counts.cut++;
      if (report.rewrittenBytes > 0) this.counts.recovered++;
    }
    for (const name of TOPICS) {
      const topic = this.topic(name);
      const more = ends.end(name) - topic.known.length;
      if (more < 0 || more > topic.unanswered.length)
        throw new Error(
          `${name} ends at ${ends.end(name)}: ${topic.known.length} were acknowledged, ${topic.unanswered.length} were not`,
        );
      if (more > 0) this.counts.unansweredKept++;
      topic.known.push(...topic.unanswered.slice(0, more));
      topic.unanswered = [];
    }
    this.running = { writer, ends };
    this.compare(ends, false);
  }

  /** Reads everything, or the rest from some offset, and compares it with the model. */
  private compare(ends: DurableEnds, fromSomewhere: boolean): void {
    for (const name of TOPICS) {
      const { known } = this.topic(name);
      const start = ends.start(name);
      const from = fromSomewhere ? start + this.random(known.length - start + 1) : start;
      const reader = new LogReader({ logFolder: '/data/log', topic: name, ends, disk: this.disk });
      const reading = readAll(reader, from, 1 + this.random(4000));
      same(`gaps in ${name}`, reading.gaps, []);
      const right = known.slice(from).map((number, i) => [from + i, number]);
      same(`${name} from ${from}`, pairs(reading), right);
    }
  }

  private close(writer: LogWriter): void {
    writer.close();
    if (this.disk.callsLeft > 0) same('a failure', writer.failed, undefined);
    this.running = undefined;
  }

  private crash(): void {
    this.disk.crash(this.random);
    this.running = undefined;
    this.counts.crashes++;
  }

  private closeRunning(): void {
    if (this.running !== undefined) this.close(this.running.writer);
  }

  /** Whatever state it is in: opened, compared, closed. */
  finish(): void {
    this.disk.callsLeft = Infinity;
    if (this.running !== undefined) this.crash();
    this.open();
    this.closeRunning();
  }
}

describe('a log and a plain array, side by side', () => {
  const seeds = Number(process.env['MILLRACE_MODEL_SEEDS'] ?? 200);

  test(`${seeds} random lives with power failures: what was acknowledged is there, in order, and nothing else`, () => {
    const sums = { commits: 0, crashes: 0, recovered: 0, cut: 0, unansweredKept: 0, deleted: 0, indexesLost: 0 };
    for (let seed = 1; seed <= seeds; seed++) {
      const run = new Run(seed);
      try {
        for (let i = 0; i < 120; i++) run.step();
        run.finish();
      } catch (error) {
        throw new Error(`seed ${seed}: ${String(error)}`, { cause: error });
      }
      for (const key of Object.keys(sums) as (keyof typeof sums)[]) sums[key] += run.counts[key];
    }
    // The test is worth something only where all of this happened.
    for (const count of Object.values(sums)) expect(count).toBeGreaterThan(seeds / 3);
  });
});
