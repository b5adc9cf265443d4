/** Bounds of the connector. Each has a named behaviour, said where it is used. */
export interface ModbusLimits {
  /** Answers that were received and are not acknowledged by the host, bytes; beyond it nothing is asked. */
  readonly heldBytes: number;
  /** Time for a connection to stand, ms. */
  readonly connectMs: number;
  /** A connection from which nothing at all has come for so long, although it was asked, counts as lost, ms. */
  readonly quietMs: number;
  /** Answers in a row in which nothing can be read as a frame; then the connection is closed. */
  readonly adriftAnswers: number;
  /** Bytes of no use between two answers; then the connection is closed. */
  readonly discardedBytes: number;
  /** Longest pause between two questions to a unit that does not answer, ms; longer where there are many of them, so that they take at most a tenth of the time. */
  readonly silentPauseMs: number;
  /** How often registers that a device refuses are asked for again, ms. */
  readonly refusedPauseMs: number;
  /** Cycles that are left out are told of at once, then together after this long, ms. */
  readonly overrunReportMs: number;
}

export const MODBUS_LIMITS: ModbusLimits = {
  heldBytes: 4 * 1024 * 1024,
  connectMs: 5_000,
  quietMs: 60_000,
  adriftAnswers: 3,
  discardedBytes: 64 * 1024,
  silentPauseMs: 10_000,
  refusedPauseMs: 60_000,
  overrunReportMs: 60_000,
};
