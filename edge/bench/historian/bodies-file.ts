import { closeSync, openSync, writeSync } from 'node:fs';
import type { Bodies } from './http-client.ts';

/** Writes bodies of requests back to back into a file. */
export class BodiesFile implements Disposable {
  private readonly file: string;
  private readonly ends: number[] = [];
  private fd = -1;
  private length = 0;

  constructor(file: string) {
    this.file = file;
  }

  open(): this {
    this.fd = openSync(this.file, 'w');
    return this;
  }

  add(text: string): void {
    this.length += writeSync(this.fd, text);
    this.ends.push(this.length);
  }

  bodies(): Bodies {
    return { file: this.file, ends: this.ends };
  }

  [Symbol.dispose](): void {
    closeSync(this.fd);
  }
}
