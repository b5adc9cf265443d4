import type { TagClass } from '../../edge/core/topics.ts';
import { tagTypeOf } from './json-value.ts';
import { compilePath, type JsonPath } from './json-path.ts';
import type { DeclaredType, FieldConfig, MappingConfig, QualityFormat, TimeFormat } from './mapping-config.ts';
import { compileTemplate, type TagTemplate } from './tag-template.ts';
import { checkTopicFilter } from './topic-trie.ts';
import { Zone } from './zone.ts';

/** Where one value stands and what becomes of it. */
export interface CompiledField {
  readonly path: JsonPath;
  /** Below the mapping's base; null: the base itself. */
  readonly tag: TagTemplate | null;
  readonly type: DeclaredType | undefined;
  readonly unit: string | undefined;
  readonly class: TagClass | undefined;
}

/** A mapping, ready to be used. */
export interface Mapping {
  readonly filter: readonly string[];
  readonly payload: 'json' | 'text';
  /** Begins the tag; null: the topic does, or nothing where there are `fields`. */
  readonly base: TagTemplate | null;
  readonly fields: readonly CompiledField[];
  /** Whether the fields are `fields:`, of which a payload need not have all. */
  readonly several: boolean;
  readonly time: JsonPath | null;
  readonly timeFormat: TimeFormat;
  readonly zone: Zone | undefined;
  readonly quality: JsonPath | null;
  readonly qualityFormat: QualityFormat;
  readonly ignoreRetained: boolean;
}

/** What is wrong with a mapping, and with which of its keys (`fields` and one of its paths: both). */
export interface MappingProblem {
  readonly key: readonly string[];
  readonly detail: string;
}

/** A mapping or what is wrong with it: all of it. */
export type Compiled =
  | { readonly mapping: Mapping; readonly problems: readonly [] }
  | { readonly mapping?: undefined; readonly problems: readonly MappingProblem[] };

const MAX_FIELDS = 1000;
const ROOT: JsonPath = { text: '$', steps: [], many: false };

/** Compiles a mapping as it stands in the configuration. Never throws. */
export function compileMapping(config: MappingConfig): Compiled {
  const problems: MappingProblem[] = [];
  const note = (key: string | readonly string[], detail: string): void => {
    problems.push({ key: typeof key === 'string' ? [key] : key, detail });
  };
  const wrongFilter = checkTopicFilter(config.match);
  if (wrongFilter !== undefined) note('match', wrongFilter);
  noteConflicts(config, note);
  const filter = config.match.split('/');
  const wildcards = filter.filter((level) => level === '+' || level === '#').length;
  const base = compileBase(config, wildcards, note);
  const fields =
    config.fields === undefined
      ? [compileValue(config, note)]
      : compileFields(config.fields, wildcards, config.class, note);
  const zone = config.timezone === undefined ? undefined : Zone.named(config.timezone);
  if (config.timezone !== undefined && zone === undefined)
    note('timezone', `there is no time zone ${JSON.stringify(config.timezone)}`);
  const time = compileSingle(config.time, 'time', note);
  const quality = compileSingle(config.quality, 'quality', note);
  if (problems.length > 0) return { problems };
  const mapping: Mapping = {
    filter,
    payload: config.payload ?? 'json',
    base,
    fields: fields.filter((field) => field !== undefined),
    several: config.fields !== undefined,
    time,
    timeFormat: config.timeFormat ?? 'auto',
    zone,
    quality,
    qualityFormat: config.qualityFormat ?? 'status',
    ignoreRetained: config.retained === 'ignore',
  };
  return { mapping, problems: [] };
}

type Note = (key: string | readonly string[], detail: string) => void;

/** Keys that say nothing, or two things, together. */
function noteConflicts(config: MappingConfig, note: Note): void {
  if (config.fields !== undefined) {
    for (const key of ['tag', 'value', 'type', 'unit'] as const) {
      if (config[key] !== undefined) note(key, 'stands beside `fields`; give it there');
    }
  }
  if (config.tag !== undefined && config.prefix !== undefined)
    note('prefix', 'stands beside `tag`; write it into the tag');
  if (config.payload === 'text') {
    for (const key of ['value', 'fields', 'time', 'quality'] as const) {
      if (config[key] !== undefined) note(key, 'a payload of text is one value and has no parts');
    }
  }
  if (config.time === undefined) {
    for (const key of ['timeFormat', 'timezone'] as const) if (config[key] !== undefined) note(key, 'without `time`');
  }
  if (config.qualityFormat !== undefined && config.quality === undefined) note('qualityFormat', 'without `quality`');
}

function compileBase(config: MappingConfig, wildcards: number, note: Note): TagTemplate | null {
  const key = config.tag === undefined ? 'prefix' : 'tag';
  const text = config[key];
  if (text === undefined) return null;
  const template = compileTemplate(text, wildcards, false);
  if (typeof template !== 'string') return template;
  note(key, template);
  return null;
}

function compileValue(config: MappingConfig, note: Note): CompiledField | undefined {
  const path = config.value === undefined ? ROOT : compileSingle(config.value, 'value', note);
  return path === null ? undefined : { path, tag: null, type: config.type, unit: config.unit, class: config.class };
}

function compileFields(
  fields: Readonly<Record<string, FieldConfig>>,
  wildcards: number,
  classOfAll: TagClass | undefined,
  note: Note,
): (CompiledField | undefined)[] {
  const entries = Object.entries(fields);
  if (entries.length === 0) note('fields', 'is empty');
  if (entries.length > MAX_FIELDS) note('fields', `more than ${MAX_FIELDS}`);
  return entries.slice(0, MAX_FIELDS).map(([text, { tag: tagText, type, unit, class: own = classOfAll }]) => {
    const path = compilePath(text);
    if (typeof path === 'string') {
      note(['fields', text], path);
      return undefined;
    }
    const tag = compileTemplate(tagText, wildcards, path.many);
    if (typeof tag === 'string') {
      note(['fields', text, 'tag'], tag);
      return undefined;
    }
    if (path.many && !tag.parts.some((part) => typeof part === 'object' && 'key' in part)) {
      note(['fields', text, 'tag'], '`*` in the JSON path, but no `{key}`: its values would all be one tag');
      return undefined;
    }
    return { path, tag, type, unit, class: own };
  });
}

/** A path that means one place. */
function compileSingle(text: string | undefined, key: string, note: Note): JsonPath | null {
  if (text === undefined) return null;
  const path = compilePath(text);
  if (typeof path === 'string') note(key, path);
  else if (path.many) note(key, '`*` is for `fields` only');
  else return path;
  return null;
}

/** Type of the tag that a field declares, as the host knows it. */
export function declaredTagType(type: DeclaredType | undefined): ReturnType<typeof tagTypeOf> | null {
  return type === undefined ? null : tagTypeOf(type);
}
