import { Fault } from '../core/fault.ts';

/** A record longer than this is no row of a table: it is given up, and reading goes on behind its first line. */
const MAX_RECORD_CHARACTERS = 1024 * 1024;

const UNCLOSED = 'a quote is not closed, or not within a million characters';
const TOO_LONG = 'it has more than a million characters';

/** One record of a CSV text. */
export interface CsvRow {
  /** Line on which it begins, from 1. */
  readonly line: number;
  readonly fields: readonly string[];
  /** Fields that stood in quotes though they are empty: an empty text, not nothing. Undefined: none. */
  readonly emptyTexts?: ReadonlySet<number>;
  /** Set if this is no record: why. `fields` holds the line as one text. */
  readonly problem?: string;
}

/** How a text is cut into fields. */
export interface CsvFormat {
  /** One character. */
  readonly delimiter: string;
  /** Lines before the first record that are passed over. */
  readonly skip: number;
}

/**
 * Records of a CSV text (RFC 4180), chunk by chunk: fields in quotes may hold delimiters, quotes (doubled) and line ends; lines end with LF or CRLF, empty ones are passed over. A quote that is never closed costs its own
 * line only. Bounded memory: a chunk, and a record of at most a million characters. Throws `import-unreadable` for a text without line ends.
 */
export class CsvReader {
  private readonly format: CsvFormat;
  private rest = '';
  private line = 1;

  constructor(format: CsvFormat) {
    this.format = format;
  }

  /** Records that are whole once this chunk is there. */
  push(chunk: string): CsvRow[] {
    this.rest += chunk;
    return this.take(false);
  }

  /** What is left at the end of the text. */
  finish(): CsvRow[] {
    const rows = this.take(true);
    this.rest = '';
    return rows;
  }

  private take(ended: boolean): CsvRow[] {
    const rows: CsvRow[] = [];
    const text = this.rest;
    let at = 0;
    // Looked for once: most texts have none, and would be searched to their end at each line.
    let quote = text.indexOf('"');
    while (at < text.length) {
      let end = text.indexOf('\n', at);
      if (end < 0) {
        if (!ended) break;
        end = text.length;
      }
      if (quote >= 0 && quote < at) quote = text.indexOf('"', at);
      if (quote < 0 || quote >= end || this.ignoresQuotes) {
        this.addLine(rows, text, at, end);
        at = end + 1;
        continue;
      }
      const record = readQuoted(text, at, this.format.delimiter, ended);
      if (record === undefined && !ended && text.length - at < MAX_RECORD_CHARACTERS) break;
      if (record === undefined || record.end - at > MAX_RECORD_CHARACTERS) {
        rows.push({
          line: this.line,
          fields: [lineOf(text, at, end)],
          problem: record === undefined ? UNCLOSED : TOO_LONG,
        });
        this.line++;
        at = end + 1;
        continue;
      }
      this.addRecord(rows, record);
      this.line += record.lines;
      at = record.end;
    }
    this.rest = text.slice(Math.min(at, text.length));
    if (this.rest.length > MAX_RECORD_CHARACTERS * 2)
      throw new Fault(
        'import-unreadable',
        `Line ${this.line} has more than a million characters: this is no CSV text.`,
      );
    return rows;
  }

  private get ignoresQuotes(): boolean {
    return this.line <= this.format.skip;
  }

  private addLine(rows: CsvRow[], text: string, from: number, end: number): void {
    const line = this.line++;
    if (line <= this.format.skip) return;
    const content = lineOf(text, from, end);
    if (content !== '') rows.push({ line, fields: content.split(this.format.delimiter) });
  }

  private addRecord(rows: CsvRow[], { fields, emptyTexts }: QuotedRecord): void {
    rows.push({ line: this.line, fields, ...(emptyTexts.size === 0 ? {} : { emptyTexts }) });
  }
}

function lineOf(text: string, from: number, end: number): string {
  return text.slice(from, end > from && text[end - 1] === '\r' ? end - 1 : end);
}

interface QuotedRecord {
  readonly fields: string[];
  readonly emptyTexts: Set<number>;
  /** Where the next record begins. */
  readonly end: number;
  /** Line ends in it. */
  readonly lines: number;
}

/** A record with quotes, from `at` on; undefined: it does not end in this text. `ended`: no more text will come. */
function readQuoted(text: string, at: number, delimiter: string, ended: boolean): QuotedRecord | undefined {
  const fields: string[] = [];
  const emptyTexts = new Set<number>();
  let lines = 0;
  let position = at;
  for (;;) {
    let field = '';
    if (text[position] === '"') {
      const start = position + 1;
      const close = closingQuote(text, start);
      // The last character may be the first of two quotes.
      if (close < 0 || (close === text.length - 1 && !ended)) return undefined;
      field = text.slice(start, close).replaceAll('""', '"');
      for (let i = start; (i = text.indexOf('\n', i)) >= 0 && i < close; i++) lines++;
      if (field === '') emptyTexts.add(fields.length);
      position = close + 1;
    }
    // What stands behind a closing quote belongs to the field: writers of half a standard do that.
    const next = endOfField(text, position, delimiter);
    if (next >= text.length && !ended) return undefined;
    const atEnd = next >= text.length || text[next] === '\n';
    const tail = text.slice(position, next);
    field += atEnd && tail.endsWith('\r') ? tail.slice(0, -1) : tail;
    fields.push(field);
    position = next + 1;
    if (atEnd) return { fields, emptyTexts, end: position, lines: lines + 1 };
  }
}

function closingQuote(text: string, from: number): number {
  for (let at = from; ; at += 2) {
    at = text.indexOf('"', at);
    if (at < 0 || text[at + 1] !== '"') return at;
  }
}

function endOfField(text: string, from: number, delimiter: string): number {
  let at = from;
  while (at < text.length && text[at] !== delimiter && text[at] !== '\n') at++;
  return at;
}

const DELIMITERS = [',', ';', '\t', '|'];

/** The delimiter of a header line: the one of comma, semicolon, tab and bar that stands in it most often; a comma if none does. */
export function delimiterOf(header: string): string {
  const outside = header.replaceAll(/"[^"]*"/g, '');
  const counts = DELIMITERS.map((delimiter) => outside.split(delimiter).length);
  return DELIMITERS[counts.indexOf(Math.max(...counts))] ?? ',';
}
