import { StatusCode } from '../../edge/core/status-code.ts';
import type { Piece } from '../analysis/piece.ts';

/** A row that says that from this time on nothing is known. */
export function lostFrom(timeUs: number): Piece {
  const quality = Uint32Array.of(StatusCode.BadNoData);
  return { count: 1, times: Float64Array.of(timeUs), values: Float64Array.of(Number.NaN), qualities: quality };
}
