/** What a model watches: signals of one asset on a common grid of time. */
export interface ModelSpec {
  readonly name: string;
  /** Absolute path of the asset. */
  readonly asset: string;
  /** Absolute paths of the signals, in the order of the columns of a window. */
  readonly signals: readonly string[];
  readonly kind: 'autoencoder';
  /** Rows of a window: seconds, on the grid of 1 s. */
  readonly window: number;
  /** A window ends every so many rows. */
  readonly hop: number;
  /** So many seconds the last good value of a signal stands without a new one. */
  readonly holdS: number;
}

/** History of one signal to learn from: times in µs, growing; NaN where there is no good value. */
export interface Series {
  readonly timesUs: Float64Array;
  readonly values: Float64Array;
}

/** Part of one signal in a score. */
export interface Contribution {
  /** Column of the signal. */
  readonly signal: number;
  /** What the model expected at the end of the window, in the signal's unit. */
  readonly expected: number;
  readonly seen: number;
  /** 0 to 1; all of a score together 1. */
  readonly share: number;
}

/** What a model says of one window. */
export interface Score {
  /** End of the window, µs. */
  readonly timeUs: number;
  /** Deviation relative to the threshold: beyond 1 the window is abnormal. */
  readonly score: number;
  /** The condition of the model's alarm stands: beyond the threshold for long enough, and not yet back for long enough. */
  readonly stands: boolean;
  /** Ranked, the greatest share first. */
  readonly contributions: readonly Contribution[];
}

/** How values become inputs of the network; arrays have an entry a signal. */
export interface Features {
  readonly mean: readonly number[];
  /** Never 0; the signal's unit. */
  readonly scale: readonly number[];
  /** Rows that are averaged into one input. */
  readonly block: number;
  /** Blocks at the end of a window that are judged; those before are context. */
  readonly tail: number;
}

/** One dense layer. */
export interface Layer {
  readonly inputs: number;
  readonly outputs: number;
  readonly activation: 'tanh' | 'linear';
}

/** What is normal for a model; arrays have an entry a signal. */
export interface Calibration {
  /** Residual at which the score is 1, in scales of the features. */
  readonly limits: readonly number[];
  /** Root mean square of the residual in the held-out part, in scales. */
  readonly residual: readonly number[];
  /** How long a residual remembers itself, in windows: few independent ones make a wide limit. */
  readonly memory: readonly number[];
  /** How little the other signals say of each: 0 = all, 1 = nothing. */
  readonly untied: readonly number[];
  /** Debounce: so many windows beyond 1 begin the condition, so many below `back` end it. */
  readonly beginWindows: number;
  readonly endWindows: number;
  readonly back: number;
}

/** How a model came to be. */
export interface TrainingRecord {
  /** Range of the history, µs. */
  readonly fromUs: number;
  readonly toUs: number;
  readonly seed: number;
  readonly backend: string;
  readonly windows: number;
  readonly heldOutWindows: number;
  /** Windows of the history that could not be used, because a signal was missing. */
  readonly unusableWindows: number;
  readonly epochs: number;
  /** Why it ended. */
  readonly stopped: 'early' | 'epochs' | 'time';
  /** Mean squared error of the best epoch, in squared scales. */
  readonly loss: number;
  readonly validationLoss: number;
  readonly tookMs: number;
}

/** A trained model: everything but the weights goes into `model.json`. */
export interface Model {
  readonly spec: ModelSpec;
  readonly features: Features;
  readonly layers: readonly Layer[];
  /** A matrix (inputs × outputs, row by row) and then the biases of each layer. */
  readonly weights: Float32Array;
  readonly calibration: Calibration;
  readonly training: TrainingRecord;
}
