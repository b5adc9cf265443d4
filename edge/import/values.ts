import type { DeclaredType } from '../../connectors/payload/mapping-config.ts';
import { readQuality } from '../../connectors/payload/quality.ts';
import { textToValue } from '../../connectors/payload/text-value.ts';
import { type Value, ValueKind } from '../core/sample.ts';
import { isGood, StatusCode } from '../core/status-code.ts';
import type { ImportMap } from './map-schema.ts';

/** A value with its quality, or why it is none. */
export type ReadValue =
  | { readonly kind: ValueKind; readonly value: Value; readonly quality: number; readonly problem?: undefined }
  | { readonly problem: 'wrong-type' | 'decimal-comma' | 'bad-quality'; readonly detail: string };

/** What historians write in place of a value (OSIsoft PI's system digital states among them), and what that means. */
const NO_VALUES: readonly (readonly [text: string, quality: number])[] = [
  ['null', StatusCode.BadNoData],
  ['none', StatusCode.BadNoData],
  ['n/a', StatusCode.BadNoData],
  ['no data', StatusCode.BadNoData],
  ['pt created', StatusCode.BadNoData],
  ['shutdown', StatusCode.BadNoData],
  ['bad', StatusCode.Bad],
  ['bad input', StatusCode.Bad],
  ['calc failed', StatusCode.Bad],
  ['error', StatusCode.Bad],
  ['configure', StatusCode.BadConfigurationError],
  ['i/o timeout', StatusCode.BadNoCommunication],
  ['comm fail', StatusCode.BadNoCommunication],
  ['not connect', StatusCode.BadNoCommunication],
  ['scan off', StatusCode.BadNoCommunication],
];
/** Words for a quality that the payloads of devices do not know. */
const QUALITY_WORDS: readonly (readonly [word: string, quality: number])[] = [
  ['ok', StatusCode.Good],
  ['valid', StatusCode.Good],
  ['questionable', StatusCode.Uncertain],
  ['suspect', StatusCode.Uncertain],
  ['substituted', StatusCode.UncertainLastUsableValue],
  ['invalid', StatusCode.Bad],
  ['error', StatusCode.Bad],
  ['comm fail', StatusCode.BadCommunicationError],
];
const DECIMAL_COMMA = /^[+-]?\d+,\d+$/;
const NUMBER_COMMA = /^[+-]?\d*(?:,\d*)?(?:e[+-]?\d+)?$/i;

/** Reads values and qualities as one export writes them. */
export class ValueReader {
  private readonly decimal: '.' | ',';
  private readonly format: 'status' | 'opc-da';
  private readonly nulls: ReadonlyMap<string, number>;
  private readonly ownNulls: ReadonlyMap<string, number>;
  private readonly words: ReadonlyMap<string, number>;
  private readonly qualities = new Map<string, number | undefined>();

  constructor({
    decimal = '.',
    qualityFormat = 'status',
    nulls = {},
    qualities = {},
  }: Pick<ImportMap, 'decimal' | 'qualityFormat' | 'nulls' | 'qualities'>) {
    this.decimal = decimal;
    this.format = qualityFormat;
    this.ownNulls = new Map(codes(nulls));
    this.nulls = new Map([...NO_VALUES, ...this.ownNulls]);
    this.words = new Map([...QUALITY_WORDS, ...codes(qualities)]);
  }

  /** The quality; undefined: the text says nothing. */
  private quality(text: string): number | undefined | null {
    if (this.qualities.has(text)) return this.qualities.get(text) ?? null;
    const word = text.trim().toLowerCase();
    let code: number | undefined;
    if (/^\d{1,10}$/.test(word))
      code = Number(word) <= 0xffff_ffff ? readQuality(Number(word), this.format) : undefined;
    else if (/^0x[\da-f]{1,8}$/.test(word)) code = Number.parseInt(word, 16);
    else code = this.words.get(word) ?? wordQuality(word);
    if (this.qualities.size < 10_000) this.qualities.set(text, code);
    return code ?? null;
  }

  /**
   * One value. `declared` undefined: what it looks like. An empty field is null (of quality BadNoData, unless the row says something worse), so is a text that stands for no value; numbers that are
   * none (NaN, infinities) are null with BadOutOfRange, as they are where devices send them.
   */
  read(
    text: string,
    qualityText: string | undefined,
    declared: DeclaredType | undefined,
    isEmptyText: boolean,
  ): ReadValue {
    const said = qualityText === undefined || qualityText.trim() === '' ? StatusCode.Good : this.quality(qualityText);
    if (said === null || said === undefined)
      return {
        problem: 'bad-quality',
        detail: `The quality ${shown(qualityText ?? '')} is not known; \`qualities\` of the map can say what it means`,
      };
    const word = text.trim().toLowerCase();
    const none = word === '' && !isEmptyText ? StatusCode.BadNoData : this.noValue(word, declared);
    if (none !== undefined) return { kind: ValueKind.null, value: null, quality: isGood(said) ? none : said };
    return this.value(text, said, declared ?? guessType(word, this.decimal));
  }

  /** A tag of texts may well have the value `error`: there only what the map says counts. */
  private noValue(word: string, declared: DeclaredType | undefined): number | undefined {
    return (declared === 'string' ? this.ownNulls : this.nulls).get(word);
  }

  private value(text: string, quality: number, declared: DeclaredType): ReadValue {
    const isText = declared === 'string' || declared === 'bytes' || declared === 'boolean';
    if (!isText && this.decimal === '.' && DECIMAL_COMMA.test(text.trim()))
      return { problem: 'decimal-comma', detail: `${shown(text)} has a comma; \`decimal\` says that there are points` };
    const plain = !isText && this.decimal === ',' && NUMBER_COMMA.test(text.trim()) ? text.replace(',', '.') : text;
    if (!isText && this.decimal === ',' && plain === text && text.includes('.'))
      return { problem: 'wrong-type', detail: `${shown(text)} has a point; \`decimal\` says that there are commas` };
    if (declared === 'double' && isRounded(plain.trim()))
      return {
        problem: 'wrong-type',
        detail: `${shown(text)} has more digits than a double keeps; \`type: long\` or \`type: uint64\` in the map keeps them`,
      };
    // As Parquet has booleans that were numbers.
    const typed = textToValue(declared === 'boolean' ? plain.replace(/\.0$/, '') : plain, declared);
    if (typed.problem !== undefined) return { problem: 'wrong-type', detail: typed.detail };
    const { kind, value } = typed;
    if (typeof value === 'number' && !Number.isFinite(value))
      return { kind: ValueKind.null, value: null, quality: StatusCode.BadOutOfRange };
    return { kind, value, quality };
  }
}

function wordQuality(word: string): number | undefined {
  const code = readQuality(word, 'status');
  // Uncertain stands for every word that is not known.
  return code === StatusCode.Uncertain && word !== 'uncertain' ? undefined : code;
}

/** What a text looks like where nothing is declared: a boolean, a number or a text. */
function guessType(word: string, decimal: '.' | ','): 'boolean' | 'double' | 'string' {
  if (word === 'true' || word === 'false') return 'boolean';
  const number = decimal === ',' ? word.replace(',', '.') : word;
  if (/^[+-]?(?:\d+\.?\d*|\.\d+)(?:e[+-]?\d+)?$/i.test(number) || /^[+-]?(?:nan|inf|infinity)$/.test(number))
    return 'double';
  return DECIMAL_COMMA.test(word) ? 'double' : 'string';
}

/** Whether an integer would be another one as a double. What a double is written as is that double. */
function isRounded(text: string): boolean {
  if (text.length < 16 || !/^[+-]?\d{16,400}$/.test(text)) return false;
  const number = Number(text);
  return Number.isFinite(number) && BigInt(text.replace('+', '')) !== BigInt(number) && String(number) !== text;
}

function shown(text: string): string {
  return JSON.stringify(text.slice(0, 60));
}

function codes(words: Readonly<Record<string, keyof typeof StatusCode>>): [word: string, quality: number][] {
  return Object.entries(words).map(([word, name]) => [word.trim().toLowerCase(), StatusCode[name]]);
}
