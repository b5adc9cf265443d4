import type { FieldConfig, MappingConfig } from '../../connectors/payload/mapping-config.ts';
import { compileMapping } from '../../connectors/payload/mapping.ts';
import { listOf, member } from './document.ts';
import { FIELDS, FILTER, JSON_PATH, TAG, TIMEZONE } from './mapping-schema.ts';
import type { Found } from './problem.ts';

/** What is wrong with the texts of topic mappings: paths, tags, filters, keys that contradict each other. What has another form than expected is left to the schema. */
export function checkMappings(connectors: readonly unknown[]): Found[] {
  return connectors.flatMap((connector, i) => {
    if (member(connector, 'kind') !== 'mqtt-broker') return [];
    return listOf(connector, 'topics').flatMap((topic, j) => {
      const { problems } = compileMapping(wellFormed(topic));
      return problems.map(({ key, detail }): Found => {
        const at = ['connectors', i, 'topics', j];
        const said = { wrong: detail, expected: expectedOf(key, detail) };
        const [name = '', field, inside] = key;
        // A path that makes no sense is itself a key.
        if (field !== undefined && inside === undefined) return { path: [...at, name], key: field, ...said };
        return { path: [...at, ...key], ...said };
      });
    });
  });
}

const PATHS = ['value', 'time', 'quality'] as const;
const TEXTS = ['tag', 'prefix', 'timezone', 'payload', 'type', 'unit', 'timeFormat', 'qualityFormat'] as const;

/** The mapping with what has the right form; in place of the rest something that is right, so that one mistake is not told twice. */
function wellFormed(topic: unknown): MappingConfig {
  const match = member(topic, 'match');
  const mapping: Record<string, unknown> = { match: typeof match === 'string' ? match : '#' };
  for (const key of PATHS) {
    const value = member(topic, key);
    if (value !== undefined) mapping[key] = typeof value === 'string' ? value : '$';
  }
  for (const key of TEXTS) {
    const value = member(topic, key);
    if (typeof value === 'string') mapping[key] = value;
  }
  const fields = member(topic, 'fields');
  if (fields !== undefined) mapping['fields'] = wellFormedFields(fields);
  // A capture of a wildcard that the filter would have is not wrong twice.
  if (typeof match !== 'string') for (const key of ['tag', 'prefix']) delete mapping[key];
  return mapping as unknown as MappingConfig;
}

function wellFormedFields(fields: unknown): Readonly<Record<string, FieldConfig>> {
  const given = typeof fields === 'object' && fields !== null && !Array.isArray(fields) ? fields : { $: undefined };
  const formed: Record<string, FieldConfig> = {};
  for (const [path, field] of Object.entries(given)) {
    const tag = member(field, 'tag');
    const right = path.includes('*') ? '{key}' : 'x';
    Object.defineProperty(formed, path, { value: { tag: typeof tag === 'string' ? tag : right }, enumerable: true });
  }
  return formed;
}

function expectedOf(key: readonly string[], detail: string): string {
  if (detail.startsWith('without ') || detail.startsWith('stands beside ')) return 'keys that go together';
  if (detail.startsWith('a payload of text ')) return 'no such key';
  const [name, path, below] = key;
  if (name === 'match') return FILTER;
  if (name === 'timezone') return TIMEZONE;
  if (name === 'fields') return path === undefined ? FIELDS : below === 'tag' ? TAG : JSON_PATH;
  return name === 'tag' || name === 'prefix' ? TAG : JSON_PATH;
}
