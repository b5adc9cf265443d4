/** Value at a share of the way from one value to another; exact at both ends and between equal ones, and without overflow between finite ones. */
export function between(from: number, to: number, share: number): number {
  const difference = to - from;
  return Number.isFinite(difference) ? from + difference * share : from * (1 - share) + to * share;
}
