import { type ChildProcessByStdio, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import path from 'node:path';
import type { Readable, Writable } from 'node:stream';
import { assert, Fault } from '../../core/fault.ts';
import { cpuSeconds } from '../process-usage.ts';
import { writeColumns } from './columns-file.ts';
import type { DataSet } from './data.ts';
import type { Answer, Bucket, Chart, HistorySystem, LastValues, OpenHistory, Place, Samples, Span } from './system.ts';

const NAME = 'prometheus-tsdb';
/** Samples may come behind later ones by this much more than the set has them come late: by their jitter. */
const SPARE_MS = 60_000;
const BUCKET_DOUBLES = 8;

/** Prometheus's storage in a program of its own (`rivals/prometheus-tsdb/main.go`, built by `test/services/prometheus-tsdb.ts`), which times itself: the pipe between costs it nothing. */
export function prometheus(program: string): HistorySystem {
  if (!existsSync(program)) throw new Fault('usage', `There is no program ${program}.`);
  return {
    name: NAME,
    promises:
      'in its write-ahead log, not synced, then flushed to blocks; lossless, no quality; asked and timed inside its own process, aggregates by a loop over its samples (it has no others)',
    tolerance: 0,
    open: (set, place) => Promise.resolve(new PrometheusHistory(program, set, place)),
  };
}

class PrometheusHistory implements OpenHistory {
  private readonly program: string;
  private readonly set: DataSet;
  private readonly place: Place;
  private process: Process | undefined;
  ownMs = 0;

  constructor(program: string, set: DataSet, place: Place) {
    this.program = program;
    this.set = set;
    this.place = place;
  }

  async prepare(): Promise<void> {
    await writeColumns(this.file('columns'), this.set, this.place.signal);
    await this.restart();
  }

  async load(): Promise<void> {
    await this.ask({ op: 'load', file: this.file('columns') });
    await this.ask({ op: 'flush' });
  }

  settle(): Promise<void> {
    return Promise.resolve();
  }

  cpuSeconds(): number {
    return cpuSeconds(this.running.pid);
  }

  async points(): Promise<number> {
    return (await this.ask({ op: 'points', ...this.all })).value;
  }

  async bytes(): Promise<number> {
    return (await this.ask({ op: 'bytes' })).value;
  }

  async restart(): Promise<boolean> {
    await this.process?.end();
    this.process = new Process(this.program, this.place.signal);
    const { lateMs } = this.set;
    await this.ask({ op: 'open', folder: this.file('tsdb'), lateMs: lateMs === 0 ? 0 : lateMs + SPARE_MS });
    return true;
  }

  async raw(tag: number, { fromMs, toMs }: Span): Promise<Answer<Samples>> {
    const { doubles } = await this.ask({ op: 'raw', tags: [tag], fromMs, toMs });
    return () => ({ timesMs: everyOther(doubles, 0), values: everyOther(doubles, 1) });
  }

  async chart(tag: number, chart: Chart): Promise<Answer<readonly Bucket[]>> {
    const charts = await this.charts([tag], chart);
    return () => charts()[0] ?? [];
  }

  async charts(
    tags: readonly number[],
    { fromMs, toMs, widthMs }: Chart,
  ): Promise<Answer<readonly (readonly Bucket[])[]>> {
    const { doubles } = await this.ask({ op: 'charts', tags, fromMs, toMs, widthMs });
    return () => {
      const all = Map.groupBy(bucketsOf(doubles), ({ place }) => place);
      return tags.map((_, place) => (all.get(place) ?? []).map(({ bucket }) => bucket));
    };
  }

  async latest(): Promise<Answer<LastValues>> {
    const { doubles } = await this.ask({ op: 'latest', ...this.all });
    return () => ({ tags: doubles.length, sum: doubles.reduce((sum, value) => sum + value, 0) });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.process?.end();
  }

  private get all(): Span {
    return { fromMs: this.set.fromMs, toMs: this.set.toMs };
  }

  private get running(): Process {
    assert(this.process !== undefined, 'the program runs');
    return this.process;
  }

  private file(name: string): string {
    return path.join(this.place.folder, name);
  }

  private async ask(request: Readonly<Record<string, unknown>>): Promise<Told> {
    const told = await this.running.ask(request);
    this.ownMs = told.ms;
    return told;
  }
}

/** What the program answered. */
interface Told {
  /** What it took, by its own clock. */
  readonly ms: number;
  readonly value: number;
  readonly doubles: Float64Array;
}

interface Head {
  readonly ns: number;
  readonly bytes: number;
  readonly value: number;
  readonly error?: string;
}

/** One request at a time, over its standard streams. */
class Process {
  private readonly child: ChildProcessByStdio<Writable, Readable, null>;
  private readonly output: AsyncIterator<Buffer, undefined>;
  private rest: Buffer = Buffer.alloc(0);

  constructor(program: string, signal: AbortSignal) {
    this.child = spawn(program, [], { stdio: ['pipe', 'pipe', 'inherit'], detached: true });
    this.output = chunksOf(this.child.stdout);
    const kill = (): void => void this.child.kill('SIGKILL');
    signal.addEventListener('abort', kill);
    this.child.once('exit', () => signal.removeEventListener('abort', kill));
    // What cannot be started or has ended says so by the end of its output.
    this.child.on('error', () => this.child.stdout.destroy());
    this.child.stdin.on('error', () => undefined);
  }

  get pid(): number {
    return this.child.pid ?? 0;
  }

  async ask(request: Readonly<Record<string, unknown>>): Promise<Told> {
    this.child.stdin.write(`${JSON.stringify(request)}\n`);
    let end = this.rest.indexOf(10);
    while (end < 0) {
      await this.more();
      end = this.rest.indexOf(10);
    }
    const head = JSON.parse(this.rest.toString('utf8', 0, end)) as Head;
    this.rest = this.rest.subarray(end + 1);
    const parts = [this.rest];
    let length = this.rest.length;
    while (length < head.bytes) {
      const part = await this.next();
      parts.push(part);
      length += part.length;
    }
    const all = Buffer.concat(parts);
    this.rest = all.subarray(head.bytes);
    if (head.error !== undefined) throw new Fault('bench-failed', `${NAME}: ${head.error}`);
    const doubles = new Float64Array(new Uint8Array(all.subarray(0, head.bytes)).buffer);
    return { ms: head.ns / 1e6, value: head.value, doubles };
  }

  /** Ends at the end of its input. */
  async end(): Promise<void> {
    if (this.child.exitCode !== null || this.child.signalCode !== null) return;
    const exited = once(this.child, 'exit');
    this.child.stdin.end();
    await exited;
  }

  private async more(): Promise<void> {
    this.rest = Buffer.concat([this.rest, await this.next()]);
  }

  private async next(): Promise<Buffer> {
    const { value } = await this.output.next();
    if (value === undefined) throw new Fault('bench-failed', `${NAME} has ended.`);
    return value;
  }
}

async function* chunksOf(stream: Readable): AsyncGenerator<Buffer, undefined> {
  const chunks: AsyncIterable<Buffer> = stream;
  yield* chunks;
  return undefined;
}

function everyOther(doubles: Float64Array, first: number): Float64Array {
  return Float64Array.from({ length: doubles.length / 2 }, (_, i) => doubles[2 * i + first] ?? Number.NaN);
}

function bucketsOf(doubles: Float64Array): { readonly place: number; readonly bucket: Bucket }[] {
  return Array.from({ length: doubles.length / BUCKET_DOUBLES }, (_, i) => {
    const at = (field: number): number => doubles[i * BUCKET_DOUBLES + field] ?? Number.NaN;
    const bucket = {
      fromMs: at(1),
      count: at(2),
      mean: at(3),
      min: at(4),
      max: at(5),
      first: at(6),
      last: at(7),
    };
    return { place: at(0), bucket };
  });
}
