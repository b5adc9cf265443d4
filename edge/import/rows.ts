import { type DeclaredType, DECLARED_TYPES } from '../../connectors/payload/mapping-config.ts';
import { Zone } from '../../connectors/payload/zone.ts';
import { Fault } from '../core/fault.ts';
import { MAX_TIME_US, type Value, type ValueKind } from '../core/sample.ts';
import { CsvReader, type CsvRow, delimiterOf } from './csv.ts';
import { type Layout, layoutOf } from './layout.ts';
import type { ImportMap } from './map-schema.ts';
import type { MappedName, NameMap, RefusedName } from './names.ts';
import type { SourceFile } from './source.ts';
import { type ReadTime, TimeReader } from './times.ts';
import { type ReadValue, ValueReader } from './values.ts';

/** Why a row, or one value of it, is not taken. */
export type RefusalReason =
  | 'malformed'
  | Exclude<RefusedName['refused'], 'ignored'>
  | Extract<ReadTime, { problem: string }>['problem']
  | 'future'
  | Exclude<ReadValue['problem'], undefined>;

/** One value that is not taken. */
export interface Refusal {
  readonly file: string;
  /** Line of a CSV file, or row of a Parquet file, from 1 (the header of the CSV text counts). */
  readonly line: number;
  /** Name in the export; empty where none could be read. */
  readonly name: string;
  /** The time and the value as they stand there. */
  readonly text: string;
  readonly reason: RefusalReason;
  readonly detail: string;
}

/** Takes what the rows give, in their order. */
export interface RowSink {
  sample(name: MappedName, timeUs: number, kind: ValueKind, value: Value, quality: number, line: number): void;
  refused(refusal: Refusal): void;
  /** A row that the map passes over. */
  ignored(): void;
  /** The sample that follows has a time that clocks showed twice; `second`: it was taken for the second. */
  ambiguous(timeUs: number, second: boolean): void;
}

/** How the rows of an import are read. */
export interface RowsOptions {
  readonly map: ImportMap;
  readonly names: NameMap;
  /** Zone of times that name none, unless the map names one. */
  readonly timezone: string | undefined;
  /** Name of the one tag of files without a column of tags. */
  readonly tag: string | undefined;
  /** Later times are refused, µs. */
  readonly latestUs: number;
}

/** Reads the rows of files, one after the other. */
export class RowReader {
  private readonly options: RowsOptions;
  private readonly times: TimeReader;
  private readonly values: ValueReader;
  private file = '';
  private layout: Layout | undefined;
  /** Of a wide table: what its columns are, by their place in `layout.tags`. */
  private columns: (MappedName | RefusedName)[] = [];

  constructor(options: RowsOptions) {
    this.options = options;
    const { map, timezone } = options;
    const zone = map.timezone ?? timezone;
    this.times = new TimeReader({
      format: map.timeFormat ?? 'auto',
      zone: zone === undefined ? undefined : Zone.named(zone),
      ambiguous: map.ambiguous ?? 'order',
    });
    this.values = new ValueReader(map);
  }

  /**
   * Gives the samples of a file to the sink; yields after each piece of the file, with the rows read so far. `skip`: so many rows are read and not given to anybody, so that what comes behind them is read as it would
   * have been. Throws `import-unreadable`.
   */
  async *read(source: SourceFile, sink: RowSink, skip = 0): AsyncGenerator<number> {
    try {
      yield* this.readFile(source, sink, skip);
    } catch (error) {
      const isNamed = !(error instanceof Fault) || error.detail.startsWith(source.file);
      throw isNamed ? error : new Fault(error.code, `${source.file}: ${error.detail}`, { cause: error });
    }
  }

  private async *readFile(source: SourceFile, sink: RowSink, skip: number): AsyncGenerator<number> {
    const { map } = this.options;
    this.file = source.file;
    this.layout = undefined;
    let reader: CsvReader | undefined;
    let head = '';
    let rows = 0;
    const take = (records: readonly CsvRow[]): void => {
      for (const record of records) if (this.row(record, rows < skip ? NOBODY : sink)) rows++;
    };
    for await (const piece of source.text()) {
      if (reader === undefined) {
        head += piece;
        if (!hasHeader(head, map.skip ?? 0)) continue;
        reader = this.csv(source, head);
        take(reader.push(head));
      } else take(reader.push(piece));
      yield rows;
    }
    reader ??= this.csv(source, head);
    if (rows === 0 && this.layout === undefined) take(reader.push(head));
    take(reader.finish());
    if (this.layout === undefined) throw new Fault('import-unreadable', `${source.file} is empty.`);
    yield rows;
  }

  private csv(source: SourceFile, head: string): CsvReader {
    if (source.isParquet) return new CsvReader({ delimiter: ',', skip: 0 });
    const { skip = 0, delimiter } = this.options.map;
    return new CsvReader({ skip, delimiter: delimiter ?? delimiterOf(head.split('\n')[skip] ?? '') });
  }

  /** False: it was the header. */
  private row(row: CsvRow, sink: RowSink): boolean {
    const { map, tag } = this.options;
    if (this.layout === undefined) {
      const header = map.header === false ? null : row.fields;
      this.layout = layoutOf(header, { ...map, tag });
      if (this.layout.form === 'wide') this.columns = this.layout.tags.map(({ name }) => this.options.names.find(name));
      if (header !== null) return false;
    }
    if (row.problem !== undefined) this.refuse(sink, row, '', 'malformed', row.problem, row.fields[0] ?? '');
    else if (this.layout.form === 'long') this.longRow(this.layout, row, sink);
    else this.wideRow(this.layout, row, sink);
    return true;
  }

  private longRow(layout: Extract<Layout, { form: 'long' }>, row: CsvRow, sink: RowSink): void {
    const { fields } = row;
    const name = (layout.tag === null ? this.options.tag : fields[layout.tag]?.trim()) ?? '';
    const timeText = layout.time.map((at) => fields[at] ?? '').join(' ');
    const { at, declared } = valuePlace(layout, fields);
    const valueText = fields[at];
    if (valueText === undefined || name === '')
      return this.refuse(
        sink,
        row,
        name,
        'malformed',
        name === '' ? 'There is no name.' : 'The row is too short.',
        fields.join(' | '),
      );
    const mapped = this.options.names.find(name);
    const shown = `${timeText} | ${valueText}`;
    if ('refused' in mapped) return this.refuseName(sink, row, name, mapped, shown);
    if (declared !== undefined) mapped.declared ??= declared;
    const time = this.times.read(timeText);
    const quality = layout.quality === null ? undefined : fields[layout.quality];
    this.value(sink, row, mapped, time, valueText, quality, at, shown);
  }

  private wideRow(layout: Extract<Layout, { form: 'wide' }>, row: CsvRow, sink: RowSink): void {
    const { fields } = row;
    const timeText = layout.time.map((at) => fields[at] ?? '').join(' ');
    const time = this.times.read(timeText);
    for (const [i, { name, value: at, quality }] of layout.tags.entries()) {
      const text = fields[at] ?? '';
      // An empty cell is a time at which this tag has no sample.
      if (text === '' && row.emptyTexts?.has(at) !== true) continue;
      const mapped = this.columns[i];
      if (mapped === undefined) continue;
      const shown = `${timeText} | ${text}`;
      if ('refused' in mapped) this.refuseName(sink, row, name, mapped, shown);
      else this.value(sink, row, mapped, time, text, quality === null ? undefined : fields[quality], at, shown);
    }
  }

  private value(
    sink: RowSink,
    row: CsvRow,
    name: MappedName,
    time: ReadTime,
    text: string,
    qualityText: string | undefined,
    at: number,
    shown: string,
  ): void {
    if ('problem' in time) return this.refuse(sink, row, name.name, time.problem, time.detail, shown);
    let { timeUs } = time;
    if (time.secondUs !== undefined) {
      timeUs =
        this.options.map.ambiguous === 'first'
          ? timeUs
          : this.options.map.ambiguous === 'second'
            ? time.secondUs
            : name.order.choose(timeUs, time.secondUs);
    }
    if (!(Math.abs(timeUs) <= MAX_TIME_US))
      return this.refuse(sink, row, name.name, 'bad-time', 'The time is out of range.', shown);
    if (timeUs > this.options.latestUs)
      return this.refuse(sink, row, name.name, 'future', 'The time is yet to come.', shown);
    const read = this.values.read(text, qualityText, name.declared, row.emptyTexts?.has(at) === true);
    if (read.problem !== undefined) return this.refuse(sink, row, name.name, read.problem, read.detail, shown);
    name.order.note(timeUs);
    if (time.secondUs !== undefined) sink.ambiguous(timeUs, timeUs === time.secondUs);
    sink.sample(name, timeUs, read.kind, scaled(read.value, name), read.quality, row.line);
  }

  private refuseName(sink: RowSink, row: CsvRow, name: string, { refused, detail }: RefusedName, shown: string): void {
    if (refused === 'ignored') sink.ignored();
    else this.refuse(sink, row, name, refused, detail, shown);
  }

  private refuse(sink: RowSink, row: CsvRow, name: string, reason: RefusalReason, detail: string, text: string): void {
    sink.refused({ file: this.file, line: row.line, name, text: text.slice(0, 200), reason, detail });
  }
}

const NOBODY: RowSink = {
  sample: () => undefined,
  refused: () => undefined,
  ignored: () => undefined,
  ambiguous: () => undefined,
};

function hasHeader(text: string, skip: number): boolean {
  let at = -1;
  for (let line = 0; line <= skip; line++) {
    at = text.indexOf('\n', at + 1);
    if (at < 0) return false;
  }
  return true;
}

const KINDS: ReadonlySet<string> = new Set(DECLARED_TYPES);

/** Where the value of a row stands, and its type if the row says it. */
function valuePlace(
  { own, value }: Extract<Layout, { form: 'long' }>,
  fields: readonly string[],
): { readonly at: number; readonly declared?: DeclaredType } {
  if (own === null) return { at: value };
  const kind = fields[own.kind] ?? '';
  if (!KINDS.has(kind)) return { at: value };
  const declared = kind as DeclaredType;
  const at =
    { long: own.integer, uint64: own.unsigned, string: own.text, bytes: own.bytes, array: own.text }[kind] ?? value;
  return { at, declared };
}

function scaled(value: Value, { scale, offset, declared }: MappedName): Value {
  if (typeof value !== 'number' || (scale === 1 && offset === 0)) return value;
  const result = value * scale + offset;
  return declared === 'float' ? Math.fround(result) : result;
}
