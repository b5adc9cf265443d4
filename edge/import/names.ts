import type { DeclaredType } from '../../connectors/payload/mapping-config.ts';
import { tagTypeOf } from '../../connectors/payload/json-value.ts';
import { compileTemplate, fillTemplate, type TagTemplate } from '../../connectors/payload/tag-template.ts';
import type { TagType } from '../core/sample.ts';
import { checkTagPath, escapeSegment } from '../core/tag-path.ts';
import type { TagClass } from '../core/topics.ts';
import type { ImportMap, NameRule } from './map-schema.ts';
import { ClockOrder } from './times.ts';

/** What the gateway knows of a tag. */
export interface GatewayTag {
  readonly path: string;
  readonly type: TagType | null;
}

/** A name of the export, and what becomes of its rows. */
export interface MappedName {
  /** As the export writes it. */
  readonly name: string;
  /** Number of the name, from 0, in the order of their coming. */
  readonly number: number;
  /** Absolute path. */
  readonly path: string;
  /** The same below the site. */
  readonly relative: string;
  /** The gateway has no such tag yet. */
  readonly isNew: boolean;
  /** What values are read as. Undefined: not known before all of them were seen. */
  declared: DeclaredType | undefined;
  readonly unit: string | undefined;
  readonly class: TagClass | undefined;
  readonly scale: number;
  readonly offset: number;
  /** Tells apart times that clocks show twice. */
  readonly order: ClockOrder;
}

/** Why rows of a name are not taken; `ignored`: because the map says so. */
export interface RefusedName {
  readonly refused:
    | 'ignored'
    | 'unmapped'
    | 'bad-tag'
    | 'tag-too-long'
    | 'case-conflict'
    | 'same-tag'
    | 'too-many-tags'
    | 'type-differs';
  readonly detail: string;
}

/** Names of one import at most: what a gateway has tags at most. */
const MAX_NAMES = 250_000;

interface CompiledRule {
  readonly rule: NameRule;
  readonly expression: RegExp;
  readonly template: TagTemplate | undefined;
}

/** What the names of an export become; each is looked at once. */
export class NameMap {
  private readonly site: string;
  private readonly known: ReadonlyMap<string, GatewayTag>;
  private readonly keep: boolean;
  private readonly types: ReadonlyMap<string, DeclaredType>;
  private readonly exact = new Map<string, NameRule>();
  private readonly patterns: CompiledRule[] = [];
  private readonly names = new Map<string, MappedName | RefusedName>();
  private readonly owners = new Map<string, string>();
  /** Those that are taken, by their numbers. */
  readonly mapped: MappedName[] = [];

  /** `known`: tags of the gateway, by their paths in small letters; `types`: what was learned of names before. The rules were checked by `ruleProblems`. */
  constructor(
    site: string,
    map: Pick<ImportMap, 'tags' | 'unmapped'>,
    known: ReadonlyMap<string, GatewayTag>,
    types: ReadonlyMap<string, DeclaredType> = new Map(),
  ) {
    this.site = site;
    this.types = types;
    this.known = known;
    this.keep = (map.unmapped ?? (map.tags === undefined ? 'keep' : 'refuse')) === 'keep';
    for (const rule of map.tags ?? []) {
      if (!rule.match.includes('*')) {
        if (!this.exact.has(rule.match)) this.exact.set(rule.match, rule);
        continue;
      }
      const template = rule.tag === undefined ? undefined : compileTemplate(rule.tag, wildcardsOf(rule.match), false);
      this.patterns.push({
        rule,
        expression: expressionOf(rule.match),
        template: typeof template === 'string' ? undefined : template,
      });
    }
  }

  /** What becomes of the rows of a name. */
  find(name: string): MappedName | RefusedName {
    const found = this.names.get(name);
    if (found !== undefined) return found;
    if (this.names.size >= MAX_NAMES)
      return { refused: 'too-many-tags', detail: `There are more than ${MAX_NAMES.toLocaleString('en')} names.` };
    const made = this.make(name);
    this.names.set(name, made);
    if (!('refused' in made)) this.mapped.push(made);
    return made;
  }

  private make(name: string): MappedName | RefusedName {
    const [rule, captured] = this.ruleFor(name);
    if (rule?.ignore === true) return { refused: 'ignored', detail: 'The map says so.' };
    if (rule === undefined && !this.keep) return { refused: 'unmapped', detail: 'No entry of `tags` fits the name.' };
    const relative = rule?.tag === undefined ? this.ownPath(name) : captured(rule.tag);
    const path = `${this.site}/${relative}`;
    const problem = checkTagPath(path);
    if (problem !== undefined)
      return { refused: problem, detail: `${JSON.stringify(path.slice(0, 300))} cannot be a tag path.` };
    const known = this.known.get(path.toLowerCase());
    if (known !== undefined && known.path !== path)
      return { refused: 'case-conflict', detail: `The tag ${known.path} differs only in case.` };
    const owner = this.owners.get(path.toLowerCase());
    if (owner !== undefined)
      return { refused: 'same-tag', detail: `${JSON.stringify(owner)} becomes the same tag ${path}.` };
    const type = known?.type ?? null;
    if (type !== null && rule?.type !== undefined && tagTypeOf(rule.type) !== type)
      return { refused: 'type-differs', detail: `The tag ${path} has the type ${type}, the map says ${rule.type}.` };
    if (type !== null && isScaled(rule) && type !== 'double' && type !== 'float')
      return { refused: 'type-differs', detail: `The tag ${path} has the type ${type}, the map scales it.` };
    this.owners.set(path.toLowerCase(), name);
    return {
      name,
      number: this.mapped.length,
      path,
      relative,
      isNew: known === undefined,
      declared: rule?.type ?? type ?? (isScaled(rule) ? 'double' : this.types.get(name)),
      unit: rule?.unit,
      class: rule?.class,
      scale: rule?.scale ?? 1,
      offset: rule?.offset ?? 0,
      order: new ClockOrder(),
    };
  }

  private ruleFor(name: string): readonly [NameRule | undefined, (tag: string) => string] {
    const exact = this.exact.get(name);
    if (exact !== undefined) return [exact, (tag) => tag];
    for (const { rule, expression, template } of this.patterns) {
      const match = expression.exec(name);
      if (match === null) continue;
      return [
        rule,
        (tag) =>
          template === undefined
            ? tag
            : fillTemplate(
                template,
                match.slice(1).map((text) => text.split('/')),
                '',
              ),
      ];
    }
    return [undefined, (tag) => tag];
  }

  /** The name as a path: that of a tag of ours as it stands, absolute or not; of others each level is escaped. */
  private ownPath(name: string): string {
    const prefix = `${this.site}/`;
    const below = name.startsWith(prefix) ? name.slice(prefix.length) : name;
    if (checkTagPath(prefix + below) === undefined) return below;
    return below.split('/').map(escapeSegment).join('/');
  }
}

function isScaled(rule: NameRule | undefined): boolean {
  return rule?.scale !== undefined || rule?.offset !== undefined;
}

function wildcardsOf(match: string): number {
  return match.split('*').length - 1;
}

/** Each `*` takes as little as it can. */
function expressionOf(match: string): RegExp {
  return new RegExp(`^${match.split('*').map(literal).join('(.*?)')}$`, 'su');
}

function literal(text: string): string {
  return text.replaceAll(/[.*+?^${}()|[\]\\/-]/g, String.raw`\$&`);
}

/** What is wrong with rules beyond their form. */
export function ruleProblems(
  rules: readonly NameRule[],
): { index: number; key: keyof NameRule; wrong: string; expected: string }[] {
  const problems: ReturnType<typeof ruleProblems> = [];
  const seen = new Map<string, number>();
  for (const [index, { match, tag, ignore, type, scale, offset }] of rules.entries()) {
    const add = (key: keyof NameRule, wrong: string, expected: string): void =>
      void problems.push({ index, key, wrong, expected });
    const before = seen.get(match);
    if (before === undefined) seen.set(match, index);
    else add('match', `stands in tags[${before}] already`, 'a name of its own');
    if (wildcardsOf(match) > 8) add('match', 'has more than 8 `*`', 'a simpler pattern');
    const template = tag === undefined ? undefined : compileTemplate(tag, wildcardsOf(match), false);
    if (typeof template === 'string')
      add('tag', `is no path: ${template.replace('the topic filter', '`match`')}`, 'a tag path below the site');
    if (ignore === true && tag !== undefined) add('ignore', 'stands beside `tag`', 'one of both');
    const isFloat = type === undefined || type === 'double' || type === 'float';
    if (!isFloat && (scale !== undefined || offset !== undefined))
      add('type', `is ${type} beside \`scale\` or \`offset\``, 'double or float');
  }
  return problems;
}
