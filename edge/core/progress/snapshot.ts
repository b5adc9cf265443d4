import { assert } from '../fault.ts';
import { BatchEncoder } from '../record-batch.ts';
import type { RecordCursor } from '../record-cursor.ts';

/** Offsets by topic. */
export type Positions = Readonly<Record<string, number>>;

/** What a consumer of form (b) puts into `__state.<consumer>` from time to time (FORMAT.md, "Snapshots"). */
export interface Snapshot {
  /** When it was taken, µs. */
  readonly atUs: number;
  /** Offset of the first record of each input that `state` does not hold. */
  readonly inputs: Positions;
  /** Offsets in the outputs before which there is everything that came of the inputs up to their positions, and nothing that came of what lies behind them. */
  readonly outputs: Positions;
  /** Ingest time up to which the inputs have been seen, µs; null: none yet. */
  readonly watermarkUs: number | null;
  /** What later output depends on; the consumer's own. */
  readonly state: unknown;
}

/** A part fits a record of 512,000 bytes. */
const PART_BYTES = 450_000;
/** Larger than the state of any consumer may become. */
const MAX_BYTES = 64 * 1024 * 1024;
/** Smaller ones stay as they are, to be read with any client. */
const COMPRESS_FROM_BYTES = 4096;
const PART = 'part';

/** The topic of a consumer's snapshots. */
export function stateTopic(consumer: string): string {
  return `__state.${consumer}`;
}

/** JSON of a snapshot; the state's own is given, as of the moment in which it was taken. */
export function snapshotText(
  { atUs, inputs, outputs, watermarkUs }: Omit<Snapshot, 'state'>,
  stateText: string,
): string {
  const head = JSON.stringify({ v: 2, at: atUs, inputs, outputs, watermark: watermarkUs });
  return `${head.slice(0, -1)},"state":${stateText}}`;
}

/** Throws if the value is no snapshot of this version. */
export function parseSnapshot(value: unknown): Snapshot {
  const { v, at, inputs, outputs, watermark, state } = (value ?? {}) as Record<string, unknown>;
  if (v !== 2) throw new Error(`a snapshot of version ${String(v)}`);
  if (typeof at !== 'number' || (watermark !== null && typeof watermark !== 'number')) throw new Error('no times');
  return { atUs: at, inputs: offsets(inputs), outputs: offsets(outputs), watermarkUs: watermark, state };
}

function offsets(value: unknown): Positions {
  const entries = Object.entries(value ?? {}).map(([topic, offset]: [string, unknown]): [string, number] => {
    if (typeof offset !== 'number' || !Number.isSafeInteger(offset) || offset < 0)
      throw new Error(`no offset: ${topic}`);
    return [topic, offset];
  });
  return Object.fromEntries(entries);
}

/** A snapshot as batches of one record each: more than one where it does not fit a record. */
export function encodeSnapshot(consumer: string, text: string, nowMs: number): Uint8Array<ArrayBuffer>[] {
  const bytes = new TextEncoder().encode(text);
  assert(bytes.length <= MAX_BYTES, `a snapshot of ${consumer} takes ${bytes.length} bytes`);
  const key = new TextEncoder().encode(consumer);
  const parts = Math.max(1, Math.ceil(bytes.length / PART_BYTES));
  return Array.from({ length: parts }, (_, part) => {
    const encoder = new BatchEncoder();
    const value = bytes.subarray(part * PART_BYTES, (part + 1) * PART_BYTES);
    encoder.addRecord(key, value, parts === 1 ? [] : [[PART, partHeader(part, parts)]]);
    return encoder.finish(nowMs, value.length >= COMPRESS_FROM_BYTES);
  });
}

function partHeader(part: number, parts: number): Uint8Array {
  const header = new Uint8Array(4);
  const view = new DataView(header.buffer);
  view.setUint16(0, part);
  view.setUint16(2, parts);
  return header;
}

/** Puts snapshots together out of the records of a state topic. A damaged or missing part costs its own snapshot, no other. */
export class SnapshotAssembler {
  private parts: Uint8Array[] = [];
  private count = 0;
  private nextOffset = 0;
  /** Offset of the first record of the snapshot that `add` gave last. */
  firstOffset = 0;

  /** Takes the next record. Returns the JSON value of a snapshot that is complete with it, else undefined. Throws if a whole one is no JSON. */
  add(cursor: RecordCursor): unknown {
    const value = cursor.value();
    const header = cursor.headers().find(([name]) => name === PART)?.[1];
    const { part, parts } = partOf(header);
    if (part === 0) {
      this.parts = [];
      this.count = parts;
      this.firstOffset = cursor.offset;
    } else if (part !== this.parts.length || parts !== this.count || cursor.offset !== this.nextOffset) {
      // The beginning of this one is not to be had.
      this.count = 0;
    }
    if (value === null || this.count === 0) return undefined;
    this.parts.push(value.slice());
    this.nextOffset = cursor.offset + 1;
    if (this.parts.length < this.count) return undefined;
    const whole = Buffer.concat(this.parts);
    this.parts = [];
    this.count = 0;
    return JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(whole));
  }
}

function partOf(header: Uint8Array | null | undefined): { part: number; parts: number } {
  if (header === undefined || header === null || header.length !== 4) return { part: 0, parts: 1 };
  const view = new DataView(header.buffer, header.byteOffset, 4);
  return { part: view.getUint16(0), parts: view.getUint16(2) };
}
