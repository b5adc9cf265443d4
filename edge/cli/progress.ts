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
      process.stderr.write(`\r\u001b[K${this.what} [${bar}] ${percent}  ${counts}`);
      this.drawn = true;
    } else process.stderr.write(`${this.what} ${percent}  ${counts}\n`);
  }

  /** Takes the bar away. */
  done(): void {
    if (this.drawn) process.stderr.write('\r\u001b[K');
    this.drawn = false;
  }
}
