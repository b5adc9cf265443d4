/** For tests: how often a property is tried; twenty times as often in the long run (`MILLRACE_LONG=1`). */
export function tries(count: number): number {
  return process.env['MILLRACE_LONG'] === '1' ? count * 20 : count;
}
