import type { Place } from '../scenario.ts';
import type { DataSet } from './data.ts';

export type { Place };

/** `fromMs` ≤ time < `toMs`, whole ms. */
export interface Span {
  readonly fromMs: number;
  readonly toMs: number;
}

/** Buckets of equal width that begin where the span begins; the last one ends where the span does or behind it. */
export interface Chart extends Span {
  readonly widthMs: number;
}

/** Samples of a tag, ordered by time. */
export interface Samples {
  readonly timesMs: ArrayLike<number>;
  readonly values: ArrayLike<number>;
}

/** What there is of one bucket; buckets without samples may be left out. */
export interface Bucket {
  readonly fromMs: number;
  readonly count: number;
  readonly mean: number;
  readonly min: number;
  readonly max: number;
  readonly first: number;
  readonly last: number;
}

/** An answer as the system's client has it in memory: looking into it is not measured. */
export type Answer<T> = () => T;

/** What was found of all tags' last samples. */
export interface LastValues {
  readonly tags: number;
  /** Of the values: that they are the right ones. */
  readonly sum: number;
}

/** A store of history with one data set: Millrace's, or a rival. */
export interface OpenHistory extends AsyncDisposable {
  /** Brings the samples into the form in which the system is given them, in files; not measured. */
  prepare(): Promise<void>;
  /** Takes all of it in, until all can be asked for and what the system promises of the disk is true. */
  load(): Promise<void>;
  /** Waits until nothing is left to be merged or sorted in the background; where a system knows a better order for questions, it is brought into that. */
  settle(): Promise<void>;
  /** CPU time so far, s, of whatever does the work; undefined: it cannot be told (a server that somebody else has started). */
  cpuSeconds(): number | undefined;
  /** Samples that it has. */
  points(): Promise<number>;
  /** Bytes on the disk for them, with indexes and names of tags. */
  bytes(): Promise<number>;
  /** Forgets what its process holds in memory; false: it cannot. */
  restart(): Promise<boolean>;
  raw(tag: number, span: Span): Promise<Answer<Samples>>;
  chart(tag: number, chart: Chart): Promise<Answer<readonly Bucket[]>>;
  /** The charts of many tags, in their order, in one request where it has one. */
  charts(tags: readonly number[], chart: Chart): Promise<Answer<readonly (readonly Bucket[])[]>>;
  latest(): Promise<Answer<LastValues>>;
  /** What the last question took by the system's own clock, ms, where the way to it is not a part of it. */
  readonly ownMs?: number;
}

/** A system that is measured. */
export interface HistorySystem {
  readonly name: string;
  /** Lossless? Quality? On the disk? Asked how? */
  readonly promises: string;
  /** How far its values may be from those that it was given, in parts of the value; 0: lossless. */
  readonly tolerance: number;
  /** Begins with nothing in it. */
  open(set: DataSet, place: Place): Promise<OpenHistory>;
}
