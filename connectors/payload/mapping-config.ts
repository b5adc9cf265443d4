import type { TagClass } from '../../edge/core/topics.ts';

/** What a `type:` of a mapping may say: the types of tags, and small integers, which are a `long` whose range is checked. */
export const DECLARED_TYPES = [
  'boolean',
  'long',
  'float',
  'double',
  'string',
  'bytes',
  'uint64',
  'array',
  'int8',
  'uint8',
  'int16',
  'uint16',
  'int32',
  'uint32',
] as const;
export type DeclaredType = (typeof DECLARED_TYPES)[number];

/** How a time is written; `auto`: a text is ISO 8601, a number goes by its magnitude. */
export type TimeFormat = 'iso' | 's' | 'ms' | 'us' | 'ns' | 'auto';

/** What a number of `quality` is. */
export type QualityFormat = 'status' | 'opc-da';

/** One value of several in a payload. */
export interface FieldConfig {
  /** Tag below `prefix`; `{key}` is the name that the path's `*` stands for. */
  readonly tag: string;
  readonly type?: DeclaredType | undefined;
  /** UCUM. */
  readonly unit?: string | undefined;
  /** Left out: the mapping's. */
  readonly class?: TagClass | undefined;
}

/** How a payload becomes values: one entry of `topics:`. Texts are as a person wrote them; `compileMapping` says what is wrong with them. */
export interface MappingConfig {
  /** MQTT topic filter. The levels that its wildcards take are `{1}`, `{2}` … in `tag` and `prefix`. */
  readonly match: string;
  readonly payload?: 'json' | 'text' | undefined;
  /** Tag of the one value. Neither `tag`, `value` nor `fields`: the topic is the tag, members of a structure are its child tags. */
  readonly tag?: string | undefined;
  /** JSON path of the one value; `$` where it is left out. */
  readonly value?: string | undefined;
  readonly type?: DeclaredType | undefined;
  readonly unit?: string | undefined;
  /** Of all values; a field may have another one. */
  readonly class?: TagClass | undefined;
  /** Stands before the tags of `fields`, or in place of the topic. */
  readonly prefix?: string | undefined;
  /** JSON path to tag. */
  readonly fields?: Readonly<Record<string, FieldConfig>> | undefined;
  /** JSON path of the time; left out, the values have none. */
  readonly time?: string | undefined;
  readonly timeFormat?: TimeFormat | undefined;
  /** IANA zone of text times that name none. */
  readonly timezone?: string | undefined;
  /** JSON path of the quality. */
  readonly quality?: string | undefined;
  readonly qualityFormat?: QualityFormat | undefined;
  /** `ignore`: retained messages are not data. `flag`, the default: they are, flagged `retained` where they have no time of their own. */
  readonly retained?: 'ignore' | 'flag' | undefined;
}
