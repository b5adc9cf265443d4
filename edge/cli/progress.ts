/** Of a terminal that does not tell. */
const COLUMNS = 80;

/** Shows how far long work is: a bar on a terminal, now and then a line elsewhere. On standard error, so that output stays clean. */
export class Progress {
  private readonly what: string;
  private readonly unit: string;
  private readonly terminal = process.stderr.isTTY;
  private shownMs = 0;
  private drawn = false;

  constructor(what: string, unit: string) {
    this.what = what;
    this.unit = unit;
  }

  /** Shows the state, but not more often than the eye (or a log) wants it. */
  update(done: number, total: number): void {
    const nowMs = performance.now();
    if (this.shownMs === 0) this.shownMs = nowMs - (this.terminal ? 1000 : 0);
    if (nowMs - this.shownMs < (this.terminal ? 100 : 5000)) return;
    this.shownMs = nowMs;
    const share = total === 0 ? 1 : Math.min(done / total, 1);
    const counts = `${done.toLocaleString('en')} of ${total.toLocaleString('en')} ${this.unit}`;
    const percent = `${String(Math.floor(share * 100)).padStart(3)} %`;
    if (this.terminal) {
      const bar = '#'.repeat(Math.round(share * 30)).padEnd(30, '.');
      const line = fitting(`${this.what} [${bar}] ${percent}  ${counts}`, `${this.what} ${percent}  ${counts}`);
      process.stderr.write(`\r\u001b[K${line}`);
      this.drawn = true;
    } else process.stderr.write(`${this.what} ${percent}  ${counts}\n`);
  }

  /** Takes the bar away. */
  done(): void {
    if (this.drawn) process.stderr.write('\r\u001b[K');
    this.drawn = false;
  }
}

/** The first of these texts that fits on one line of the terminal, else as much of the last one as does: what goes on in the next line would not be taken away. */
export function fitting(text: string, shorter: string, columns = process.stderr.columns): string {
  const room = (columns > 0 ? columns : COLUMNS) - 1;
  return text.length <= room ? text : shorter.slice(0, room);
}
