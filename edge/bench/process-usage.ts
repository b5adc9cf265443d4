import { readFileSync } from 'node:fs';

/** Clock ticks a second in /proc (USER_HZ is 100 on every Linux that Node runs on). */
const TICKS_PER_S = 100;

/** CPU time of a process so far, s, user and system, with its threads; 0 if it has ended. Linux only. */
export function cpuSeconds(pid: number): number {
  const stat = readProc(pid, 'stat');
  // The name in parentheses may hold blanks: count from behind it.
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  return (Number(fields[11] ?? 0) + Number(fields[12] ?? 0)) / TICKS_PER_S;
}

/** Resident memory of a process, MB (10^6 bytes); 0 if it has ended. Linux only. */
export function residentMb(pid: number): number {
  const match = /VmRSS:\s+(\d+) kB/.exec(readProc(pid, 'status'));
  return (Number(match?.[1] ?? 0) * 1024) / 1e6;
}

/**
 * Most resident memory that this process ever had, MB. Of Linux what it says of the program: `maxRSS` counts from before the program was loaded on, which is what the process had that started it.
 */
export function mostResidentMb(): number {
  const match = /VmHWM:\s+(\d+) kB/.exec(readProc(process.pid, 'status'));
  return (Number(match?.[1] ?? process.resourceUsage().maxRSS) * 1024) / 1e6;
}

function readProc(pid: number, file: string): string {
  try {
    return readFileSync(`/proc/${pid}/${file}`, 'utf8');
  } catch {
    return '';
  }
}
