import { formatDuration } from '../config/quantities.ts';

/** A wall clock that is not believed, in words. */
export function clockDoubt(aheadMs: number): string {
  const where = aheadMs < 0 ? 'behind' : 'ahead of';
  const by = formatDuration(Math.abs(aheadMs));
  return `The clock is ${by} ${where} what was expected: nothing is deleted by its age until it is right again, or \`millrace log confirm-clock\` says that it is.`;
}
