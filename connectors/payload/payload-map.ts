import { Flag } from '../../edge/core/flags.ts';
import { StatusCode } from '../../edge/core/status-code.ts';
import { readTime } from './device-time.ts';
import { Harvest, type PayloadReading, type Place, problemAlone } from './harvest.ts';
import { decodeUtf8, type Json, parseJson } from './json.ts';
import { type JsonPath, valueAt, valuesAt } from './json-path.ts';
import { type CompiledField, compileMapping, type Mapping, type MappingProblem } from './mapping.ts';
import type { MappingConfig } from './mapping-config.ts';
import { readQuality } from './quality.ts';
import { escapeLevels, fillTemplate } from './tag-template.ts';
import { textToValue } from './text-value.ts';
import { captures, TopicTrie } from './topic-trie.ts';

/** Topics whose mapping is remembered, and how long they may be, characters. Full, it begins anew. */
const MAX_REMEMBERED = 10_000;
const MAX_REMEMBERED_LENGTH = 256;

/** A topic's mapping, with everything that follows from the topic alone. */
interface Route {
  readonly mapping: Mapping;
  readonly captured: readonly (readonly string[])[];
  readonly base: string;
}

/** Topic mappings in the order of the configuration: makes values of payloads. */
export class PayloadMap {
  private readonly trie = new TopicTrie<number>();
  private readonly mappings: readonly Mapping[];
  private readonly routes = new Map<string, Route | null>();

  private constructor(mappings: readonly Mapping[]) {
    this.mappings = mappings;
    for (const [i, { filter }] of mappings.entries()) this.trie.add(filter.join('/'), i);
  }

  /** Compiles mappings; or all that is wrong with them, each with the number of its mapping. */
  static compile(
    configs: readonly MappingConfig[],
  ): PayloadMap | { readonly problems: readonly (MappingProblem & { readonly index: number })[] } {
    const compiled = configs.map(compileMapping);
    const problems = compiled.flatMap((one, index) => one.problems.map((problem) => ({ ...problem, index })));
    const mappings = compiled.flatMap(({ mapping }) => (mapping === undefined ? [] : [mapping]));
    return problems.length > 0 ? { problems } : new PayloadMap(mappings);
  }

  /** Reads a payload by the first mapping that matches its topic. Never throws, whatever the bytes. */
  read(topic: string, payload: Uint8Array, retained: boolean): PayloadReading {
    const route = this.route(topic);
    if (route === null) return problemAlone('no-mapping', 'No topic mapping matches.');
    if (retained && route.mapping.ignoreRetained) return { values: [], problems: [] };
    const text = decodeUtf8(payload);
    if (text === undefined) return problemAlone('malformed', 'Not UTF-8.', tagOf(route));
    return route.mapping.payload === 'text' ? readText(route, text, retained) : readJson(route, text, retained);
  }

  private route(topic: string): Route | null {
    const known = this.routes.get(topic);
    if (known !== undefined) return known;
    const route = this.findRoute(topic);
    if (topic.length > MAX_REMEMBERED_LENGTH) return route;
    if (this.routes.size >= MAX_REMEMBERED) this.routes.clear();
    this.routes.set(topic, route);
    return route;
  }

  private findRoute(topic: string): Route | null {
    const levels = topic.split('/');
    const matches = this.trie.match(levels);
    const mapping = matches.length === 0 ? undefined : this.mappings[matches.reduce((a, b) => Math.min(a, b))];
    if (mapping === undefined) return null;
    const captured = captures(mapping.filter, levels);
    const own = mapping.several ? '' : escapeLevels(levels);
    return { mapping, captured, base: mapping.base === null ? own : fillTemplate(mapping.base, captured, '') };
  }
}

function readText({ mapping, base }: Route, text: string, retained: boolean): PayloadReading {
  const harvest = new Harvest({ timeUs: null, quality: StatusCode.Good, flags: retained ? Flag.retained : 0 }, []);
  for (const field of mapping.fields) harvest.add(base, textToValue(text, field.type), field);
  return harvest.finish();
}

function readJson(route: Route, text: string, retained: boolean): PayloadReading {
  const { mapping } = route;
  const parsed = parseJson(text);
  if (parsed.error !== undefined)
    return problemAlone('malformed', `Not JSON: ${parsed.error.slice(0, 200)}`, tagOf(route));
  const root = parsed.value;
  let timeUs: number | null = null;
  if (mapping.time !== null) {
    const time = readTime(valueAt(root, mapping.time.steps), mapping.timeFormat, mapping.zone);
    if (typeof time !== 'number') return problemAlone(time.reason, time.detail, tagOf(route));
    timeUs = time;
  }
  const quality =
    mapping.quality === null
      ? StatusCode.Good
      : readQuality(valueAt(root, mapping.quality.steps), mapping.qualityFormat);
  const flags = retained && timeUs === null ? Flag.retained : 0;
  const harvest = new Harvest({ timeUs, quality, flags }, [
    ...placesOf(root, mapping.time),
    ...placesOf(root, mapping.quality),
  ]);
  for (const field of mapping.fields) if (!harvest.full) addField(harvest, route, field, root);
  return harvest.finish();
}

function addField(harvest: Harvest, route: Route, field: CompiledField, root: Json): void {
  const { steps, many, text } = field.path;
  if (many) {
    for (const [key, value] of valuesAt(root, steps)) {
      if (harvest.full) return;
      if (key.isWellFormed()) harvest.addJson(tagFor(route, field, key), value, field);
      else harvest.addUnfitName(key);
    }
    return;
  }
  const value = valueAt(root, steps);
  if (value !== undefined) harvest.addJson(tagFor(route, field, ''), value, field);
  // Devices leave out what has not changed: of several fields only all together can be missing.
  else if (!route.mapping.several) harvest.addProblem('no-value', `Nothing stands at ${text}.`, route.base);
}

function tagFor({ mapping, base, captured }: Route, { tag }: CompiledField, key: string): string {
  if (tag === null) return base;
  const own = fillTemplate(tag, captured, key);
  // A prefix that an empty level has left empty is not none: the path has an empty level, too.
  return mapping.base === null ? own : `${base}/${own}`;
}

/** The one tag that a problem of the whole payload is about, if there is one. */
function tagOf({ mapping, base }: Route): string | undefined {
  return mapping.several ? undefined : base;
}

function placesOf(root: Json, path: JsonPath | null): Place[] {
  const name = path?.steps.at(-1);
  const parent = path === null ? undefined : valueAt(root, path.steps.slice(0, -1));
  return parent === undefined || typeof name === 'symbol' || name === undefined ? [] : [{ parent, name }];
}
