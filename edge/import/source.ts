import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { createReadStream } from 'node:fs';
import { open, stat } from 'node:fs/promises';
import type { Readable } from 'node:stream';
import { fileURLToPath } from 'node:url';
import { createGunzip } from 'node:zlib';
import { Fault, messageOf } from '../core/fault.ts';

const PARQUET_READER = fileURLToPath(new URL('./parquet-text.ts', import.meta.url));
const CHUNK_BYTES = 256 * 1024;

/** What is given in place of a table of text, by its first bytes. */
const FOREIGN: readonly { readonly begin: string; readonly what: string }[] = [
  { begin: 'PK\u0003\u0004', what: 'is a ZIP archive or a workbook of Excel: unpack it, or save the sheet as CSV.' },
  { begin: '\u00d0\u00cf\u0011\u00e0', what: 'is a workbook of an old Excel: save the sheet as CSV.' },
  { begin: '(\u00b5/\u00fd', what: 'is packed with zstd: unpack it, or pack it with gzip.' },
  { begin: 'BZh', what: 'is packed with bzip2: unpack it, or pack it with gzip.' },
  { begin: '\u00fd7zX', what: 'is packed with xz: unpack it, or pack it with gzip.' },
];

type Decoder = InstanceType<typeof TextDecoder>;

type Kind = 'text' | 'gzip' | 'parquet';

/** A file of history: CSV, the same packed with gzip, or Parquet (whose rows come as CSV, with a header). Which it is, its first bytes say. */
export class SourceFile {
  readonly file: string;
  readonly bytes: number;
  readonly isParquet: boolean;
  private readonly kind: Kind;
  private readonly encoding: string;
  private read = 0;

  private constructor(file: string, bytes: number, kind: Kind, encoding: string) {
    this.file = file;
    this.bytes = bytes;
    this.kind = kind;
    this.isParquet = kind === 'parquet';
    this.encoding = encoding;
  }

  /** Looks at the file. `encoding`: of CSV without a byte order mark. Throws `import-unreadable`. */
  static async open(file: string, encoding = 'utf-8'): Promise<SourceFile> {
    try {
      const { size } = await stat(file);
      const handle = await open(file);
      try {
        const { buffer, bytesRead } = await handle.read(Buffer.alloc(4), 0, 4, 0);
        const head = buffer.subarray(0, bytesRead);
        const other = FOREIGN.find(({ begin }) => head.toString('latin1').startsWith(begin));
        if (other !== undefined) throw unreadable(file, other.what, undefined);
        const kind =
          head[0] === 0x1f && head[1] === 0x8b ? 'gzip' : head.toString('latin1') === 'PAR1' ? 'parquet' : 'text';
        return new SourceFile(file, size, kind, encoding);
      } finally {
        await handle.close();
      }
    } catch (error) {
      if (error instanceof Fault) throw error;
      throw unreadable(file, messageOf(error), error);
    }
  }

  /** Bytes of the file that were read so far; of Parquet none before the end, since its reader jumps. */
  get position(): number {
    return this.read;
  }

  /** The text, in pieces; bounded memory. May be called again for another pass. Throws `import-unreadable`. */
  async *text(): AsyncGenerator<string> {
    this.read = 0;
    const child = this.kind === 'parquet' ? startReader(this.file) : undefined;
    const bytes = child === undefined ? this.stream() : child.stdout;
    try {
      yield* this.decoded(bytes as AsyncIterable<Uint8Array>);
      if (child !== undefined) await child.succeeded();
      this.read = this.bytes;
    } catch (error) {
      if (error instanceof Fault) throw error;
      throw unreadable(this.file, messageOf(error), error);
    } finally {
      await child?.end();
    }
  }

  private stream(): Readable {
    const raw = createReadStream(this.file, { highWaterMark: CHUNK_BYTES });
    raw.on('data', (piece) => void (this.read += piece.length));
    if (this.kind === 'text') return raw;
    const unpacked = createGunzip({ chunkSize: CHUNK_BYTES });
    raw.on('error', (error) => unpacked.destroy(error));
    // A reader that has had enough ends both.
    unpacked.on('close', () => raw.destroy());
    return raw.pipe(unpacked);
  }

  private async *decoded(pieces: AsyncIterable<Uint8Array>): AsyncGenerator<string> {
    let decoder: Decoder | undefined;
    for await (const piece of pieces) {
      decoder ??= decoderFor(piece, this.isParquet ? 'utf-8' : this.encoding);
      yield this.decode(decoder, piece);
    }
    const rest = decoder === undefined ? '' : this.decode(decoder);
    if (rest !== '') yield rest;
  }

  private decode(decoder: Decoder, piece?: Uint8Array): string {
    try {
      return piece === undefined ? decoder.decode() : decoder.decode(piece, { stream: true });
    } catch (error) {
      const what = `is not ${decoder.encoding}: name its encoding in the map, such as \`encoding: windows-1252\` or \`utf-16le\``;
      throw unreadable(this.file, what, error);
    }
  }
}

/** A byte order mark says what the text is, whatever was said before. */
function decoderFor(head: Uint8Array, encoding: string): Decoder {
  if (head[0] === 0xff && head[1] === 0xfe) return new TextDecoder('utf-16le', { fatal: true });
  if (head[0] === 0xfe && head[1] === 0xff) return new TextDecoder('utf-16be', { fatal: true });
  if (head[0] === 0xef && head[1] === 0xbb && head[2] === 0xbf) return new TextDecoder('utf-8', { fatal: true });
  return new TextDecoder(encoding, { fatal: true });
}

interface Reader {
  readonly stdout: Readable;
  /** Resolves when the process has ended well; rejects with what it said. */
  succeeded(): Promise<void>;
  end(): Promise<void>;
}

/** DuckDB in a process of its own, that writes the rows of a Parquet file as CSV. */
function startReader(file: string): Reader {
  const child: ChildProcess = fork(PARQUET_READER, [file], {
    execArgv: [],
    stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
    env: { TZ: 'UTC' },
  });
  let said = '';
  child.stderr?.on('data', (text: Buffer) => {
    if (said.length < 4096) said += text.toString();
  });
  const ended = new Promise<string | number | null>((resolve) => {
    child.once('error', (error) => resolve(error.message));
    child.once('close', (code, signal) => resolve(signal ?? code));
  });
  const stdout = child.stdout;
  if (stdout === null) throw new Error('the reader has no output');
  return {
    stdout,
    async succeeded() {
      const how = await ended;
      if (how !== 0) throw new Error(said.trim() === '' ? `its reader ended with ${how}` : said.trim());
    },
    async end() {
      if (child.exitCode !== null || child.signalCode !== null || child.pid === undefined) return;
      const exited = once(child, 'exit');
      child.kill('SIGKILL');
      await exited;
    },
  };
}

function unreadable(file: string, what: string, cause: unknown): Fault {
  return new Fault('import-unreadable', `${file}: ${what}`, { cause });
}
