import type { Clock } from '../clock.ts';
import type { Disk } from '../disk.ts';
import type { DurableEnds } from '../durable-ends.ts';
import { eachRecord } from '../each-record.ts';
import { assert, messageOf } from '../fault.ts';
import type { Producer } from '../producer.ts';
import { BatchEncoder } from '../record-batch.ts';
import type { RecordCursor } from '../record-cursor.ts';
import { findSnapshot } from './find-snapshot.ts';
import { encodeSnapshot, type Positions, type Snapshot, snapshotText, stateTopic } from './snapshot.ts';

/** A snapshot is due after so much time, so much input or so many records of output: no more is ever replayed, and no more identities are noted. */
const SNAPSHOT_EVERY_MS = 30_000;
const SNAPSHOT_EVERY_BYTES = 64 * 1024 * 1024;
const SNAPSHOT_EVERY_OUTPUTS = 100_000;

/** What a consumer of form (b) brings along. */
export interface DerivedOptions {
  /** Its snapshots are in `__state.<consumer>`, which nobody else writes. */
  readonly consumer: string;
  readonly inputs: readonly string[];
  /** Where to look for its records in each output while there is no snapshot: from the start, or nowhere (for one that then begins at the ends of its inputs). */
  readonly outputs: Readonly<Record<string, 'start' | 'end'>>;
  readonly logFolder: string;
  readonly ends: DurableEnds;
  readonly producer: Producer;
  readonly clock: Clock;
  readonly disk?: Disk;
  /** All that later output depends on, as of now, for JSON. It may depend on nothing but the inputs up to their positions, the outputs, and what stood in an earlier state. */
  readonly capture: () => unknown;
  /** False: the state is not to be taken now, because something of an earlier life has still to be taken over. */
  readonly isReady?: () => boolean;
  /** The identity of a record of an output; undefined: it is another's, or of no input. A throw tells that it cannot be read. */
  readonly identify: (topic: string, cursor: RecordCursor) => string | undefined;
  /** Reads a snapshot and looks whether its state is one; throws if not: then the one before it counts. Left out: `parseSnapshot`. */
  readonly parse?: (value: unknown) => Snapshot;
  /** All that was in the inputs when it recovered has been seen: it is where it would be if it had never ended. */
  readonly onCaughtUp?: () => void;
  /** What the log must keep for it has changed. */
  readonly onHolds?: (holds: Positions) => void;
  /** A record will not be durable: what memory says is not on record any more, and the consumer must end. */
  readonly onFailed: (error: unknown) => void;
  /** A record was passed over. */
  readonly onUnreadable: (topic: string, offset: number, why: string) => void;
}

interface Output {
  /** Before it there is everything that came of the inputs up to where they are. */
  from: number;
  /** Offset behind the last record that was emitted; rejects if that one will not be durable. */
  last: Promise<number> | undefined;
}

/**
 * Progress of form (b), for a consumer whose output are topics of the log. Every record that it emits has an identity. From time to time it puts a snapshot {positions of the inputs, ends of
 * the outputs, state, watermark} into `__state.<consumer>`, also when nothing came of the input. After a crash it goes on from the last snapshot: the identities in the outputs behind it are
 * noted, the input is replayed, and what is there already is not emitted again. Hence each record once, as if nothing had happened.
 */
export class DerivedTopics {
  private readonly options: DerivedOptions;
  private readonly topic: string;
  private readonly encoder = new BatchEncoder();
  private readonly positions = new Map<string, number>();
  private readonly outputs = new Map<string, Output>();
  /** Identities in the outputs that the replay has not come to, and how often each. */
  private readonly found = new Map<string, number>();
  /** Ends of the inputs as they were at the recovery. */
  private readonly replayTo = new Map<string, number>();
  private caughtUp = false;
  private watermarkUs: number | null = null;
  private saving: Promise<void> | undefined;
  /** Since the last snapshot. */
  private bytes = 0;
  private emitted = 0;
  private changed = false;
  private savedMs = 0;
  private held: Positions = {};

  constructor(options: DerivedOptions) {
    this.options = options;
    this.topic = stateTopic(options.consumer);
  }

  /**
   * Waits until what an earlier life in this process had given to the log is durable, so that `recover` finds it: the log takes what the dead have left before what the living give it. To be
   * called before `recover`, unless this is the first life of the process.
   */
  async fence(): Promise<void> {
    const { producer, clock, consumer } = this.options;
    this.encoder.addRecord(new TextEncoder().encode(consumer), null);
    await producer.append(this.topic, this.encoder.seal(clock.nowMs()), 1);
  }

  /**
   * Finds the last snapshot, and notes the identities in the outputs behind it. Afterwards `position` says where each input goes on; `first`: where one begins that no snapshot
   * names. Without a snapshot (undefined) the caller must `save` before it emits anything.
   */
  recover(first: Positions): Snapshot | undefined {
    const { options, topic } = this;
    const { inputs, outputs, ends, clock } = options;
    const found = findSnapshot({ ...options, topic });
    const snapshot = found?.snapshot;
    this.watermarkUs = snapshot?.watermarkUs ?? null;
    this.savedMs = clock.monotonicMs();
    for (const input of inputs) {
      const position = snapshot?.inputs[input] ?? first[input];
      assert(position !== undefined, `${input} begins somewhere`);
      this.positions.set(input, position);
      this.replayTo.set(input, ends.end(input));
    }
    for (const [output, where] of Object.entries(outputs)) {
      const from = snapshot?.outputs[output] ?? (where === 'start' ? ends.start(output) : ends.end(output));
      this.outputs.set(output, { from, last: undefined });
      this.noteIdentities(output, from);
    }
    this.hold(Object.fromEntries(this.positions), found?.offset ?? ends.start(topic));
    return snapshot;
  }

  private noteIdentities(topic: string, from: number): void {
    const { logFolder, ends, disk, identify, onUnreadable } = this.options;
    const visit = (cursor: RecordCursor): void => {
      try {
        const identity = identify(topic, cursor);
        if (identity === undefined) return;
        const key = `${topic}\n${identity}`;
        this.found.set(key, (this.found.get(key) ?? 0) + 1);
      } catch (error) {
        onUnreadable(topic, cursor.offset, messageOf(error));
      }
    };
    eachRecord(logFolder, topic, ends, Math.max(from, ends.start(topic)), visit, disk);
  }

  /** Offset of the next record of an input. */
  position(input: string): number {
    const position = this.positions.get(input);
    assert(position !== undefined, `${input} is an input, and was recovered`);
    return position;
  }

  /** True: there are records in the inputs that were there when it recovered, and that it has not come to. */
  get replaying(): boolean {
    return !this.caughtUp;
  }

  /** What the log must keep: from the positions and ends of the last durable snapshot on, and that snapshot. */
  get holds(): Positions {
    return this.held;
  }

  /** To be called once, when the consumer has taken over what `recover` gave and before its first record. */
  begin(): void {
    this.lookCaughtUp();
  }

  /** A record of an input is dealt with, and all that comes of it was emitted. `bytes`: about its size; `arrivalMs`: its ingest time. */
  took(input: string, offset: number, bytes: number, arrivalMs: number): void {
    this.positions.set(input, offset + 1);
    this.watermarkUs = Math.max(this.watermarkUs ?? 0, arrivalMs * 1000);
    this.bytes += bytes;
    this.changed = true;
    if (!this.caughtUp) this.lookCaughtUp();
    if (this.bytes >= SNAPSHOT_EVERY_BYTES || this.emitted >= SNAPSHOT_EVERY_OUTPUTS) this.saveSoon();
  }

  /** Records of an input before this offset are not to be had. */
  skipped(input: string, next: number): void {
    this.positions.set(input, next);
    this.changed = true;
    if (!this.caughtUp) this.lookCaughtUp();
  }

  private lookCaughtUp(): void {
    for (const [input, end] of this.replayTo) if (this.position(input) < end) return;
    this.caughtUp = true;
    // What is left here did not come again: it was made of something that is not in the log.
    this.found.clear();
    this.options.onCaughtUp?.();
  }

  /**
   * Appends a record, unless one of this identity was found at the recovery; returns whether it was appended. `identity` undefined: nothing of the input, such as what a person did; it comes
   * once by itself. Of several the first that was found counts: what `identify` says of a record whose value was erased is not all that it said before. `onDurable` gets its offset.
   */
  emit(
    topic: string,
    identity: string | readonly string[] | undefined,
    encode: (encoder: BatchEncoder) => void,
    onDurable: (offset: number) => void = () => undefined,
  ): boolean {
    const output = this.outputs.get(topic);
    assert(output !== undefined, `${topic} is an output`);
    const identities = typeof identity === 'string' ? [identity] : (identity ?? []);
    if (identities.some((each) => this.wasFound(`${topic}\n${each}`))) return false;
    const { producer, clock, onFailed } = this.options;
    encode(this.encoder);
    assert(this.encoder.count === 1, 'one record is emitted');
    this.emitted++;
    this.changed = true;
    output.last = told(producer.append(topic, this.encoder.seal(clock.nowMs()), 1), onDurable);
    output.last.catch(onFailed);
    return true;
  }

  private wasFound(key: string): boolean {
    const times = this.found.get(key);
    if (times === undefined) return false;
    if (times > 1) this.found.set(key, times - 1);
    else this.found.delete(key);
    return true;
  }

  /** Resolves when everything that was emitted to a topic is durable, also what was emitted meanwhile. Rejects with why something never will be. */
  async durable(topic: string): Promise<void> {
    const output = this.outputs.get(topic);
    for (let waited: Promise<number> | undefined; waited !== output?.last;) {
      waited = output?.last;
      await waited;
    }
  }

  /** Time goes by: takes a snapshot if that is due. To be called every second or so. */
  tick(): void {
    if (this.options.clock.monotonicMs() - this.savedMs >= SNAPSHOT_EVERY_MS) this.saveSoon();
  }

  private saveSoon(): void {
    if (this.saving === undefined && this.isReady()) this.save().catch(this.options.onFailed);
  }

  private isReady(): boolean {
    return this.found.size === 0 && (this.options.isReady?.() ?? true);
  }

  /**
   * Takes a snapshot if anything has moved since the last one; resolves when it is durable. None while there are found identities that the replay has not come to: the last one holds
   * until then. `changed`: the state is another than at the last one without any input or output.
   */
  async save(changed = false): Promise<void> {
    this.changed ||= changed;
    while (this.saving !== undefined) await this.saving;
    if (!this.isReady() || !this.isNew()) return;
    this.saving = this.write();
    try {
      await this.saving;
    } finally {
      this.saving = undefined;
    }
  }

  /** Somebody else's records in an output move it as well: what the next recovery must read stays bounded. */
  private isNew(): boolean {
    const { ends } = this.options;
    return this.changed || [...this.outputs].some(([topic, { from }]) => ends.end(topic) > from);
  }

  private async write(): Promise<void> {
    const { options, topic, watermarkUs } = this;
    const { clock, ends, producer, consumer } = options;
    // All of one moment; later output lies at or behind the durable ends of now, and behind what was emitted up to now.
    const stateText = JSON.stringify(options.capture());
    const inputs = Object.fromEntries(this.positions);
    const taken = [...this.outputs].map(([name, { last }]) => ({ name, last, end: ends.end(name) }));
    const atUs = clock.nowUs();
    this.savedMs = clock.monotonicMs();
    this.bytes = 0;
    this.emitted = 0;
    this.changed = false;
    // A snapshot must not be durable before the output that it takes for made.
    const outputs: Record<string, number> = {};
    for (const { name, last, end } of taken) outputs[name] = Math.max(end, (await last) ?? 0);
    const text = snapshotText({ atUs, inputs, outputs, watermarkUs }, stateText);
    const parts = encodeSnapshot(consumer, text, clock.nowMs());
    const appended = await Promise.all(parts.map((part) => producer.append(topic, part, 1)));
    for (const [name, output] of this.outputs) output.from = outputs[name] ?? output.from;
    this.hold(inputs, appended[0] ?? 0);
  }

  private hold(inputs: Positions, snapshotOffset: number): void {
    const held: Record<string, number> = { ...inputs, [this.topic]: snapshotOffset };
    // A topic may be both: a limit on what a model says.
    for (const [name, { from }] of this.outputs) held[name] = Math.min(held[name] ?? from, from);
    this.held = held;
    this.options.onHolds?.(held);
  }
}

async function told(appended: Promise<number>, onDurable: (offset: number) => void): Promise<number> {
  const offset = await appended;
  onDurable(offset);
  return offset + 1;
}
