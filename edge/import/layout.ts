import { Fault } from '../core/fault.ts';

/** Which columns there are: names of the header, or numbers from 1. */
interface ColumnsConfig {
  readonly tag?: string | number | undefined;
  /** Several: date and time, joined by a blank. */
  readonly time?: string | number | readonly (string | number)[] | undefined;
  readonly value?: string | number | undefined;
  readonly quality?: string | number | undefined;
}

/** Where things stand in a row. */
export type Layout =
  | {
      readonly form: 'long';
      /** Null: all rows are of one tag. */
      readonly tag: number | null;
      readonly time: readonly number[];
      readonly value: number;
      /** Null: there is none. */
      readonly quality: number | null;
      /** Columns of an export of ours: what kind of value it is, and where those lie that are no numbers. Null: it is none. */
      readonly own: {
        readonly kind: number;
        readonly integer: number;
        readonly unsigned: number;
        readonly text: number;
        readonly bytes: number;
      } | null;
    }
  | {
      readonly form: 'wide';
      readonly time: readonly number[];
      /** Names of the tags, and where their values and, where there are such columns, their qualities stand. */
      readonly tags: readonly { readonly name: string; readonly value: number; readonly quality: number | null }[];
    };

/** What is known of the layout before the header is read. */
export interface LayoutConfig {
  readonly form?: 'long' | 'wide' | undefined;
  readonly columns?: ColumnsConfig | undefined;
  /** Name of the one tag of a file without a column of tags. */
  readonly tag?: string | undefined;
  /** Behind the name of a tag's column: that of its quality, such as ` Quality`. */
  readonly qualitySuffix?: string | undefined;
}

/** What historians call their columns, without blanks, underlines and case. */
const NAMES = {
  tag: [
    'tag',
    'tagname',
    'tagid',
    'name',
    'point',
    'pointname',
    'pointid',
    'item',
    'itemid',
    'itemname',
    'series',
    'metric',
    'signal',
    'messstelle',
  ],
  time: [
    'time',
    'timestamp',
    'datetime',
    'ts',
    'date',
    'sampletime',
    'timeutc',
    'utctime',
    'localtime',
    'zeit',
    'zeitstempel',
    'datum',
  ],
  value: ['value', 'val', 'vvalue', 'samplevalue', 'v', 'data', 'wert'],
  quality: ['quality', 'opcquality', 'qualitydetail', 'status', 'statuscode', 'q'],
} as const;

/**
 * Finds the columns by the header, or by their numbers where there is none. Without a word about it a table with columns of tag, time and value is long, one with a time and other columns is wide.
 * Throws `import-unreadable`.
 */
export function layoutOf(header: readonly string[] | null, config: LayoutConfig): Layout {
  const { columns = {}, qualitySuffix } = config;
  const find = (role: keyof typeof NAMES): number | null => {
    const wanted = columns[role];
    if (wanted !== undefined && !Array.isArray(wanted)) return place(header, wanted as string | number);
    return header === null ? null : guess(header, role);
  };
  const time = Array.isArray(columns.time)
    ? (columns.time as readonly (string | number)[]).map((column) => place(header, column))
    : [find('time')].filter((column) => column !== null);
  if (time.length === 0) throw unreadable('no column of times is found', header);
  const tag = find('tag');
  const value = find('value');
  const quality = find('quality');
  if (config.form !== 'wide' && value !== null && (tag !== null || config.tag !== undefined))
    return { form: 'long', tag, time, value, quality, own: ownColumns(header) };
  // Beside a time and a value there is no tag: it must be said which one it is.
  const isOneTag = value !== null && (header?.length ?? 0) === time.length + 1 + (quality === null ? 0 : 1);
  if (config.form === 'long' || isOneTag)
    throw unreadable(
      value === null ? 'no column of values is found' : 'no column of tags is found, and no tag is named',
      header,
    );
  if (header === null)
    throw unreadable('without a header the columns of tag, time and value must be named by number', header);
  return { form: 'wide', time, tags: wideTags(header, time, qualitySuffix) };
}

function ownColumns(header: readonly string[] | null): Extract<Layout, { form: 'long' }>['own'] {
  const [kind = -1, integer = -1, unsigned = -1, text = -1, bytes = -1] = [
    'kind',
    'integer',
    'unsigned',
    'text',
    'bytes',
  ].map((name) => header?.indexOf(name) ?? -1);
  return Math.min(kind, integer, unsigned, text, bytes) < 0 ? null : { kind, integer, unsigned, text, bytes };
}

function wideTags(header: readonly string[], time: readonly number[], suffix: string | undefined) {
  const qualityOf = (name: string): number | null => {
    const at = suffix === undefined ? -1 : header.findIndex((each) => each.trim() === `${name}${suffix}`);
    return at < 0 ? null : at;
  };
  return header.flatMap((title, value) => {
    const name = title.trim();
    const isQuality =
      suffix !== undefined && name.endsWith(suffix) && header.some((each) => `${each.trim()}${suffix}` === name);
    if (time.includes(value) || name === '' || isQuality) return [];
    if (header.findIndex((each) => each.trim() === name) < value)
      throw unreadable(`two columns are called ${JSON.stringify(name)}`, header);
    return [{ name, value, quality: qualityOf(name) }];
  });
}

function place(header: readonly string[] | null, column: string | number): number {
  if (typeof column === 'number') return column - 1;
  const at = header?.findIndex((name) => name.trim() === column.trim()) ?? -1;
  if (at < 0) throw unreadable(`there is no column ${JSON.stringify(column)}`, header);
  return only(header ?? [], at);
}

function guess(header: readonly string[], role: keyof typeof NAMES): number | null {
  const plain = header.map((name) => name.toLowerCase().replaceAll(/[\s_()-]/g, ''));
  for (const name of NAMES[role]) if (plain.includes(name)) return only(header, plain.indexOf(name));
  return null;
}

/** The column, if no other has its title: which of them is meant can only be guessed. */
function only(header: readonly string[], at: number): number {
  const title = header[at]?.trim() ?? '';
  if (header.some((other, i) => i !== at && other.trim() === title))
    throw unreadable(`two columns are called ${JSON.stringify(title)}: name them by number in \`columns\``, header);
  return at;
}

function unreadable(what: string, header: readonly string[] | null): Fault {
  const shown =
    header === null ? 'there is no header' : `the header is ${JSON.stringify(header.join(' | ').slice(0, 300))}`;
  return new Fault('import-unreadable', `${what}; ${shown}.`);
}
