import { appendFileSync, truncateSync, writeFileSync } from 'node:fs';
import { csvText } from '../api/value-text.ts';
import { Fault, messageOf } from '../core/fault.ts';
import type { Refusal } from './rows.ts';

const HEADER = 'file,line,name,reason,detail,text\n';

/** The file of what was refused, with line and reason: a table that can be sorted and mended. It appears with the first refusal. */
export class RefusalFile {
  readonly file: string;
  /** Its length. */
  bytes: number;
  private waiting = '';

  /** `bytes`: where an import that goes on was; 0: a new file. */
  constructor(file: string, bytes: number) {
    this.file = file;
    this.bytes = bytes;
  }

  /** Takes away what an import that was ended has written behind the place where it goes on. Throws `file-unwritable`. */
  open(): void {
    if (this.bytes > 0) this.attempt(() => truncateSync(this.file, this.bytes));
  }

  add(refusal: Refusal): void {
    this.waiting += refusalLine(refusal);
  }

  /** What was added since the last call: to be written when what stands beside it is done. */
  take(): string {
    const { waiting } = this;
    this.waiting = '';
    return waiting;
  }

  /** Throws `file-unwritable`. */
  write(lines: string): void {
    if (lines === '') return;
    const text = this.bytes === 0 ? HEADER + lines : lines;
    this.attempt(() => (this.bytes === 0 ? writeFileSync(this.file, text) : appendFileSync(this.file, text)));
    this.bytes += Buffer.byteLength(text);
  }

  private attempt(work: () => void): void {
    try {
      work();
    } catch (error) {
      throw new Fault('file-unwritable', `${this.file}: ${messageOf(error)}`, { cause: error });
    }
  }
}

/** A line of the file. */
export function refusalLine({ file, line, name, text, reason, detail }: Refusal): string {
  return `${[file, String(line), name, reason, detail, text].map(csvText).join(',')}\n`;
}
