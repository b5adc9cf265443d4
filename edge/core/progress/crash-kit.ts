import { PowerFailure, type Random, seeded } from '../kit/crash-disk.ts';
import { Fault } from '../fault.ts';
import { BatchEncoder } from '../record-batch.ts';
import { CrashWorld, START_MS, turn } from './world-kit.ts';

/** For tests: one life of a consumer, from its start to a crash or a stop. */
export interface Life {
  /** Works until it has seen all of the input that is durable. Rejects with why it cannot. */
  work(): Promise<void> | void;
  /** Makes its progress durable, as it does from time to time. */
  save(): Promise<void> | void;
  /** Offset of the first record of the input that it would ask for again after a crash at this moment. */
  saved(): number;
  /** All that it has put out, an item a text; before the first `work` of a life what the lives before have left. */
  output(): readonly string[];
  /** Ends as it does when the gateway is stopped. */
  stop(): Promise<void> | void;
  /** Its process is gone: nothing that it began has any effect from now on. */
  kill(): void;
}

/** For tests: a consumer of one topic that is to survive crashes. */
export interface CrashSubject {
  /** Topics of the log. */
  readonly topics: readonly string[];
  readonly input: string;
  /** Adds record `i` of the input; it arrives at this time. The same for the same `i` and seed. */
  encode(encoder: BatchEncoder, i: number, random: Random, nowMs: number): void;
  /** Starts it on what the lives before have left. */
  start(world: CrashWorld): Promise<Life> | Life;
}

/**
 * What happened to a consumer, so that a test can see to it that there was something to survive. `replayed`: records of the input that were there to be asked for again, over all starts;
 * `items`: of its output, in all runs together.
 */
export type CrashCounts = Record<'power' | 'kills' | 'stops' | 'saves' | 'replayed' | 'items', number>;

/** What a consumer has put out when so many records of the input were seen. */
type Expected = readonly (readonly string[])[];

interface Input {
  readonly batch: Uint8Array;
  readonly nowMs: number;
}

/** The input of a seed: a second between two records. */
function inputOf(subject: CrashSubject, seed: number, records: number): Input[] {
  const random = seeded(seed);
  return Array.from({ length: records }, (_, i) => {
    const encoder = new BatchEncoder();
    const nowMs = START_MS + (i + 1) * 1000;
    subject.encode(encoder, i, random, nowMs);
    return { batch: encoder.finish(nowMs), nowMs };
  });
}

/** A life that nothing happens to: its outputs after each record. */
async function uninterrupted(subject: CrashSubject, input: readonly Input[]): Promise<Expected> {
  const world = new CrashWorld(subject.topics);
  const life = await started(subject, world);
  const outputs = [[...life.output()]];
  for (const { batch, nowMs } of input) {
    world.ms = nowMs;
    world.append(subject.input, batch, 1);
    await world.until(life.work());
    await world.until(life.save());
    await world.commit();
    outputs.push([...life.output()]);
  }
  life.kill();
  return outputs;
}

async function started(subject: CrashSubject, world: CrashWorld): Promise<Life> {
  let life: Life | undefined;
  const starting = Promise.resolve(subject.start(world)).then((begun) => void (life = begun));
  await world.until(starting);
  if (life === undefined) throw new PowerFailure('while it was starting');
  return life;
}

/** Throws where an item is missing in `whole`, or is there less often. */
function isPart(what: string, part: readonly string[], whole: readonly string[]): void {
  const left = new Map<string, number>();
  for (const item of whole) left.set(item, (left.get(item) ?? 0) + 1);
  for (const item of part) {
    const times = left.get(item) ?? 0;
    if (times === 0) throw new Error(`${what}: ${item}`);
    left.set(item, times - 1);
  }
}

/** A consumer with a seed's crashes, beside the outputs of the life without. */
class Run {
  private readonly subject: CrashSubject;
  private readonly input: readonly Input[];
  private readonly expected: Expected;
  private readonly counts: CrashCounts;
  private readonly random: Random;
  private readonly world: CrashWorld;
  private life: Life | undefined;
  private fed = 0;
  /** Records that the life has seen, and those before which a crash asks for nothing. */
  private seen = 0;
  private saved = 0;

  constructor(subject: CrashSubject, seed: number, input: readonly Input[], expected: Expected, counts: CrashCounts) {
    this.subject = subject;
    this.input = input;
    this.expected = expected;
    this.counts = counts;
    this.random = seeded(seed * 7919);
    this.world = new CrashWorld(subject.topics);
  }

  async run(): Promise<void> {
    while (this.fed < this.input.length) await this.step();
    this.world.failAfter(Infinity);
    // One more, so that what the last life left behind counts.
    this.kill();
    await this.act(() => this.start());
    await this.act(() => this.work());
    await this.act(() => this.save());
    await this.world.commit();
    this.check();
    const whole = this.expected.at(-1) ?? [];
    isPart('missing in the end', whole, this.life?.output() ?? []);
    this.counts.items += whole.length;
    this.kill();
  }

  private async step(): Promise<void> {
    if (this.random(12) === 0) this.world.failAfter(this.random(60));
    await this.act(() => this.any());
    if (!this.world.hasPower) {
      this.life?.kill();
      this.life = undefined;
      this.world.crash(this.random);
      this.counts.power++;
    }
  }

  /** Without power anything may fail; with it, nothing. */
  private async act(action: () => Promise<void>): Promise<void> {
    try {
      await action();
      if (this.world.hasPower) this.check();
    } catch (error) {
      if (this.world.hasPower || !(error instanceof PowerFailure || error instanceof Fault)) throw error;
    }
  }

  private async any(): Promise<void> {
    if (this.life === undefined) return this.start();
    const choice = this.random(26);
    if (choice < 8) this.feed();
    else if (choice < 14) await this.work();
    else if (choice < 19) await this.world.commit();
    else if (choice < 22) await this.save();
    else if (choice === 22) this.kill();
    else if (choice === 23) await this.stop();
    else await this.killWhileSaving();
  }

  private async start(): Promise<void> {
    const { world, subject } = this;
    this.seen = 0;
    this.life = await started(subject, world);
    if (!world.hasPower) return;
    const saved = this.life.saved();
    if (saved < this.saved) throw new Error(`goes on from ${saved}, although ${this.saved} was saved`);
    this.counts.replayed += world.ends.end(subject.input) - saved;
  }

  /** The disk may have kept a record that nobody was told of: the log says which is the next. */
  private feed(): void {
    const { world, subject } = this;
    for (let i = this.random(3); i >= 0; i--) {
      const next = world.ends.end(subject.input);
      const record = this.input[next];
      if (record === undefined) break;
      world.ms = record.nowMs;
      world.append(subject.input, record.batch, 1);
    }
    this.fed = world.ends.end(subject.input);
  }

  private async work(): Promise<void> {
    const end = this.world.ends.end(this.subject.input);
    await this.world.until(this.life?.work());
    if (this.world.hasPower) this.seen = end;
  }

  private async save(): Promise<void> {
    await this.world.until(this.life?.save());
    if (!this.world.hasPower) return;
    this.counts.saves++;
    this.saved = this.life?.saved() ?? 0;
    if (this.saved < this.seen) throw new Error(`${this.seen} records were seen, and only ${this.saved} saved`);
  }

  private kill(): void {
    this.counts.kills++;
    this.life?.kill();
    this.life = undefined;
    this.world.newProcess(this.random(4));
  }

  private async killWhileSaving(): Promise<void> {
    const saving = Promise.resolve(this.life?.save());
    // Nobody hears how it ends.
    saving.catch(() => undefined);
    for (let turns = this.random(3); turns > 0; turns--) await turn();
    this.kill();
  }

  private async stop(): Promise<void> {
    await this.world.until(this.life?.stop());
    if (!this.world.hasPower) return;
    this.counts.stops++;
    this.life = undefined;
    this.world.newProcess(0);
  }

  /** Nothing twice, nothing that is not to be; and progress is never ahead of the output. */
  private check(): void {
    const { life, expected, world, subject } = this;
    if (life === undefined) return;
    const output = life.output();
    isPart('put out once too often', output, expected[world.ends.end(subject.input)] ?? []);
    const saved = life.saved();
    isPart(`saved up to ${saved} without`, expected[saved] ?? [], output);
  }
}

/**
 * For tests: lets a consumer live through crashes, of which each seed has others, and compares it with one that lives without. Throws where it puts something out twice or not at all; where its
 * progress is ahead of what it has put out; where progress that was durable is lost, or does not move although there was input.
 */
export async function surviveCrashes(
  subject: CrashSubject,
  { seeds, records }: { readonly seeds: number; readonly records: number },
): Promise<CrashCounts> {
  const counts: CrashCounts = { power: 0, kills: 0, stops: 0, saves: 0, replayed: 0, items: 0 };
  for (let seed = 1; seed <= seeds; seed++) {
    try {
      const input = inputOf(subject, seed, records);
      const expected = await uninterrupted(subject, input);
      await new Run(subject, seed, input, expected, counts).run();
    } catch (error) {
      throw new Error(`seed ${seed}: ${String(error)}`, { cause: error });
    }
  }
  return counts;
}
