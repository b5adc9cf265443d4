import { fitting } from './progress.ts';

const SMOOTHED_MS = 5000;

/** Progress of reading files, with rows a second and the time that is left: a bar on a terminal, a line now and then elsewhere. On standard error, so that output stays clean. */
export class RateProgress {
  private readonly what: string;
  private readonly totalBytes: number;
  private readonly unit: string;
  private readonly terminal = process.stderr.isTTY;
  private readonly startedMs = performance.now();
  private shownMs = performance.now();
  private drawn = false;

  constructor(what: string, totalBytes: number, unit: string) {
    this.what = what;
    this.totalBytes = totalBytes;
    this.unit = unit;
  }

  /** Shows the state, but not more often than the eye (or a log) wants it. `bytes` of the files and `rows` were read. */
  update(bytes: number, rows: number): void {
    const nowMs = performance.now();
    if (nowMs - this.shownMs < (this.terminal ? 100 : SMOOTHED_MS)) return;
    this.shownMs = nowMs;
    const text = rateText({
      bytes,
      totalBytes: this.totalBytes,
      rows,
      unit: this.unit,
      tookMs: nowMs - this.startedMs,
    });
    if (this.terminal) {
      const line = fitting(`${this.what} ${text}`, `${this.what} ${text.replace(/^\[[#.]*\] +/, '')}`);
      process.stderr.write(`\r\u001b[K${line}`);
      this.drawn = true;
    } else process.stderr.write(`${this.what} ${text}\n`);
  }

  /** Takes the bar away. */
  done(): void {
    if (this.drawn) process.stderr.write('\r\u001b[K');
    this.drawn = false;
  }
}

interface RateState {
  readonly bytes: number;
  readonly totalBytes: number;
  readonly rows: number;
  readonly unit: string;
  readonly tookMs: number;
}

/** `[####......]  40 %  1,200,000 rows  400,000 rows/s  0:05 left` */
export function rateText({ bytes, totalBytes, rows, unit, tookMs }: RateState): string {
  const share = totalBytes === 0 ? 1 : Math.min(bytes / totalBytes, 1);
  const bar = '#'.repeat(Math.round(share * 20)).padEnd(20, '.');
  const rate = Math.round(rows / (tookMs / 1000));
  const leftSeconds = share === 0 ? Number.NaN : ((tookMs / share) * (1 - share)) / 1000;
  const left = Number.isNaN(leftSeconds) ? '' : `  ${clockText(Math.ceil(leftSeconds))} left`;
  return `[${bar}] ${String(Math.floor(share * 100)).padStart(3)} %  ${rows.toLocaleString('en')} ${unit}  ${rate.toLocaleString('en')} ${unit}/s${left}`;
}

function clockText(seconds: number): string {
  const hours = Math.floor(seconds / 3600);
  const minutes = Math.floor(seconds / 60) % 60;
  return hours > 0 ? `${hours}:${two(minutes)}:${two(seconds % 60)}` : `${minutes}:${two(seconds % 60)}`;
}

function two(value: number): string {
  return String(value).padStart(2, '0');
}
