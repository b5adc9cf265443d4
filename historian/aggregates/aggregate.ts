/** Aggregates of OPC UA Part 13, by the names of the standard. */
export const AGGREGATE_FUNCTIONS = [
  'Interpolative',
  'Average',
  'TimeAverage',
  'TimeAverage2',
  'Total',
  'Total2',
  'Minimum',
  'Maximum',
  'MinimumActualTime',
  'MaximumActualTime',
  'Range',
  'Minimum2',
  'Maximum2',
  'MinimumActualTime2',
  'MaximumActualTime2',
  'Range2',
  'AnnotationCount',
  'Count',
  'DurationInStateZero',
  'DurationInStateNonZero',
  'NumberOfTransitions',
  'Start',
  'End',
  'Delta',
  'StartBound',
  'EndBound',
  'DeltaBounds',
  'DurationGood',
  'DurationBad',
  'PercentGood',
  'PercentBad',
  'WorstQuality',
  'WorstQuality2',
  'StandardDeviationSample',
  'StandardDeviationPopulation',
  'VarianceSample',
  'VariancePopulation',
] as const;
/** Name of one of them. */
export type AggregateFunction = (typeof AGGREGATE_FUNCTIONS)[number];

/** OPC UA Part 13, 4.2.1.2 (AggregateConfigurationType). */
export interface AggregateConfiguration {
  /** Uncertain values are left out of calculations like Bad ones. */
  readonly treatUncertainAsBad: boolean;
  /** Percent of Bad data, from which on a result is Bad. */
  readonly percentDataBad: number;
  /** Percent of Good data, from which on a result is Good. */
  readonly percentDataGood: number;
  /** Behind the last value the line through the last two values goes on; else the last value holds. */
  readonly useSlopedExtrapolation: boolean;
}

/** Defaults of OPC UA Part 13, 4.2.1.2. */
export const DEFAULT_CONFIGURATION: AggregateConfiguration = {
  treatUncertainAsBad: true,
  percentDataBad: 100,
  percentDataGood: 100,
  useSlopedExtrapolation: false,
};

/**
 * Which text is followed. `1.05`: the released standard. `draft`: the text before the first release, as the test figures of the OPC Foundation's UA-.NET-Legacy state it (`README.md`
 * lists where it differs); for comparison with servers of that time.
 */
type Edition = '1.05' | 'draft';

/**
 * Contiguous intervals of time, of any lengths: interval i lies between `edges[i]` and `edges[i + 1]`, µs, ascending. Forwards it has its start and not its end; backwards the start is
 * the later edge, so the interval has that and not the earlier one, and results stand at the later one (OPC UA Part 13, 5.4.2.2 and 5.4.2.4).
 */
export interface ProcessingIntervals {
  readonly edges: Float64Array;
  readonly backwards: boolean;
  /** The interval that was cut short by the end of the request; null: none. */
  readonly cut: number | null;
}

/** What is asked of the values of one tag. */
export interface AggregateRequest {
  readonly intervals: ProcessingIntervals;
  /** In the order of the answer's columns. */
  readonly aggregates: readonly AggregateFunction[];
  /** Values hold until the next one (Part 11, Stepped Property); else lines lie between them. */
  readonly stepped: boolean;
  readonly configuration: AggregateConfiguration;
  /** `1.05` if not given. */
  readonly edition?: Edition | undefined;
  /** Unit of time for "just before the end" and for the last value, which lasts one unit (Part 13, 5.4.2.4); 1 µs if not given. */
  readonly resolutionUs?: number | undefined;
}

/** Results of one aggregate, an entry for each interval. */
export interface AggregateColumn {
  /** Where the interval begins, or when the value was (Start, End, ...ActualTime), µs. */
  readonly times: Float64Array<ArrayBuffer>;
  /** NaN: no value. Durations in ms, Total and Total2 in units of the value times seconds, WorstQuality as the number of its StatusCode. */
  readonly values: Float64Array<ArrayBuffer>;
  /** StatusCodes with their info bits. */
  readonly qualities: Uint32Array<ArrayBuffer>;
}
