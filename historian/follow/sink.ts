import type { Sample } from '../../edge/core/sample.ts';
import type { Arrivals } from '../points/arrivals.ts';
import type { LostRange } from '../files/manifest.ts';
import type { SeriesIndex } from '../files/series-index.ts';

/** How far a topic has come into memory. The one who applies batches moves it, sample by sample. */
export interface TopicProgress {
  readonly topic: string;
  readonly number: number;
  /** Offset of the next record. */
  position: number;
  /** Ingest time of the last record, ms; 0: none yet. */
  lastMs: number;
  /** Records that could not be had or could not be read. */
  lost: number;
}

/** Where decoded samples go. */
export interface SampleSink {
  readonly series: SeriesIndex;
  /** True: nothing may be appended before it is written out. */
  readonly full: boolean;
  /** `timeUs` is the effective time; `deviceTimeUs` is NaN where it is the same. */
  append(series: number, timeUs: number, offset: number, sample: Sample, deviceTimeUs: number): void;
  /** The same for many, in columns, for a sink to which each counts: takes them up to where it is full, and returns how many. Nothing of them may be kept. */
  take?(arrivals: Arrivals): number;
  /** Notes records that are not to be had. */
  lose(range: LostRange): void;
}
