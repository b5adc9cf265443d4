import { crc32c } from '@node-rs/crc32';
import { type Disk, readFile, replaceFile } from '../disk.ts';
import { assert, Fault } from '../fault.ts';

/** Larger than the state of any part: a full ledger takes 105 MB. */
const MAX_BYTES = 256 * 1024 * 1024;
const HEADER = /^millrace-state 1 (\S+) (\d+) ([0-9a-f]{8})$/;
const NEWLINE = 10;

/** Which file, and whose. */
export interface StateFileOptions {
  readonly disk: Disk;
  readonly file: string;
  /** Name of the consumer, one word: the file of another one is not taken for its own. */
  readonly consumer: string;
  /** What helps where the file is damaged; the detail of the fault. */
  readonly remedy: string;
  /** A file of one line without a header is the content itself: as this consumer wrote it before there were headers. */
  readonly bare?: boolean;
}

/**
 * Progress of form (a): what a consumer has made of its input and how far into the input that goes, in one file that is replaced as a whole (FORMAT.md, "State files"). So neither is
 * ever ahead of the other. The content is JSON, for people too; its length and checksum tell damage from absence.
 */
export class StateFile {
  private readonly options: StateFileOptions;

  constructor(options: StateFileOptions) {
    this.options = options;
  }

  /** The content that was written last; undefined if there is no file. Throws `state-damaged`: nothing may be concluded from such a file, not even that there was none. */
  read(): unknown {
    const { disk, file, consumer, bare } = this.options;
    const bytes = readFile(disk, file);
    if (bytes === undefined) return undefined;
    const end = bytes.indexOf(NEWLINE);
    if (end < 0 && bare === true) return this.parse(bytes);
    const match = HEADER.exec(new TextDecoder().decode(bytes.subarray(0, Math.min(Math.max(end, 0), 200))));
    if (match === null) throw this.damaged('has no header');
    const body = bytes.subarray(end + 1);
    const [, owner, length, sum] = match;
    if (owner !== consumer) throw this.damaged(`is of ${owner}, not of ${consumer}`);
    if (body.length !== Number(length)) throw this.damaged(`has ${body.length} bytes instead of ${length}`);
    if (crc32c(body) !== Number.parseInt(sum ?? '', 16)) throw this.damaged('has another checksum');
    return this.parse(body);
  }

  private parse(body: Uint8Array): unknown {
    try {
      return JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(body));
    } catch (error) {
      throw this.damaged('is no JSON', error);
    }
  }

  /** The fault for a content that is not what the consumer wrote: `why` follows the file's name. */
  damaged(why: string, cause?: unknown): Fault {
    const { file, remedy } = this.options;
    return new Fault('state-damaged', `${file} ${why}. ${remedy}`, { cause });
  }

  /** Replaces the content; durable when this returns, and after a crash the old or the new one is there, whole. */
  write(content: unknown): void {
    const { disk, file, consumer } = this.options;
    const body = new TextEncoder().encode(`${JSON.stringify(content)}\n`);
    assert(body.length <= MAX_BYTES, `the state of ${consumer} takes ${body.length} bytes`);
    const sum = crc32c(body).toString(16).padStart(8, '0');
    const header = new TextEncoder().encode(`millrace-state 1 ${consumer} ${body.length} ${sum}\n`);
    const bytes = new Uint8Array(header.length + body.length);
    bytes.set(header);
    bytes.set(body, header.length);
    replaceFile(disk, file, bytes);
  }
}
