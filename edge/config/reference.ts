import { readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { deviceJsonSchema } from './device-file.ts';
import { LATER_KEYS, LATER_KINDS } from './later.ts';
import { configJsonSchema, type JsonSchema } from './schema.ts';
import { shiftsJsonSchema } from './shifts-file.ts';

/** The page that is made from the schema. Run this file to write it: `npx node edge/config/reference.ts`. */
export const REFERENCE_PAGE = path.join(import.meta.dirname, '..', '..', 'docs', 'configuration.md');

/** Text of the reference page. */
export function referencePage(): string {
  const template = readFileSync(path.join(import.meta.dirname, 'template.yaml'), 'utf8');
  const sections = sectionsOf(configJsonSchema(), '');
  const device = sectionsOf(deviceJsonSchema(), 'device file');
  const shifts = sectionsBelow(shiftsJsonSchema(), 'shifts file');
  return `${introduction}
\`\`\`yaml
${template.trimEnd()}
\`\`\`

${sections.join('\n')}
${device.join('\n')}
${shifts.join('\n')}
${laterSection()}`;
}

const introduction = `# Configuration

A gateway has one configuration file, \`millrace.yaml\`. \`millrace init\` writes one to begin with, \`millrace check\` prints every error of it at once, each with file, line and column, what is
wrong and what was expected. \`millrace check --schema\` prints its JSON Schema, for editors. This page is made from the same schema (\`npx node edge/config/reference.ts\`).

- The format is YAML 1.2: \`no\`, \`on\` and \`12:30\` are text. Keys that are not known are errors.
- Sizes are numbers with \`B\`, \`KiB\`, \`MiB\`, \`GiB\`, \`TiB\` or \`kB\`, \`MB\`, \`GB\`, \`TB\`: \`512MiB\`. Times are numbers with \`ms\`, \`s\`, \`m\`, \`h\` or \`d\`: \`250ms\`, \`14d\`.
- Addresses are \`HOST:PORT\`; IPv6 addresses stand in brackets: \`[::1]:8080\`.
- Where there is no \`millrace.yaml\`, \`millrace start\` says so and uses a built-in one: site \`plant\`, data in \`./data\`, an MQTT broker on 127.0.0.1:1883 that takes every topic.
- Commands that ask a gateway find it by the same file, or one named with \`-c\`. Where there is none, they take \`data-demo/millrace.yaml\`, which the demo writes, or \`./data\` of the
  built-in one, and say so; of the two the one that runs, else the demo's. The demo writes its file at each start, so it is there to be read: \`millrace start -c\` of it runs the gateway without the plant.
`;

/** A section for each mapping, the outer ones first. */
function sectionsOf(schema: JsonSchema, place: string): string[] {
  const { properties, additionalProperties } = schema;
  const sections: string[] = [];
  if (properties !== undefined) {
    sections.push(sectionOf(schema, place));
    const seen = new Map<string, number>();
    for (const value of Object.values(properties)) {
      const form = JSON.stringify(value);
      seen.set(form, (seen.get(form) ?? 0) + 1);
    }
    for (const [key, value] of Object.entries(properties)) {
      const form = JSON.stringify(value);
      // Members of one form share a section.
      const name = (seen.get(form) ?? 0) > 1 ? '*' : key;
      if (seen.delete(form)) sections.push(...sectionsBelow(value, place === '' ? name : `${place}.${name}`));
    }
  }
  if (typeof additionalProperties === 'object') sections.push(...sectionsBelow(additionalProperties, `${place}.*`));
  return sections;
}

function sectionsBelow(schema: JsonSchema, place: string): string[] {
  const choice = schema.anyOf ?? schema.oneOf;
  if (choice !== undefined) return choice.flatMap((shape) => sectionsBelow(shape, place));
  return schema.items === undefined ? sectionsOf(schema, place) : sectionsBelow(schema.items, `${place}[]`);
}

function sectionOf({ properties = {}, required = [], description }: JsonSchema, place: string): string {
  const rows = Object.entries(properties).map(([key, value]) => {
    const standard = required.includes(key) ? 'required' : defaultOf(value);
    return `| \`${key}\` | ${kindOf(value)} | ${standard} | ${escapeCell(value.description ?? '')} |`;
  });
  const kind = properties['kind']?.const;
  const title = place === '' ? 'The file' : `\`${place}\`${typeof kind === 'string' ? ` of kind \`${kind}\`` : ''}`;
  const about = description === undefined || place === '' ? '' : `\n${description}\n`;
  return `## ${title}\n${about}\n| key | value | default | meaning |\n|---|---|---|---|\n${rows.join('\n')}\n`;
}

function defaultOf(schema: JsonSchema): string {
  const { default: value } = schema;
  if (value === undefined) return '';
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) return 'see below';
  return `\`${typeof value === 'string' && value !== '' ? value : JSON.stringify(value)}\``;
}

function kindOf(schema: JsonSchema): string {
  const { type, items } = schema;
  const choice = schema.anyOf ?? schema.oneOf;
  if (schema.const !== undefined) return `\`${JSON.stringify(schema.const).replaceAll('"', '')}\``;
  if (schema.enum !== undefined) return schema.enum.map((value) => `\`${String(value)}\``).join(', ');
  if (choice !== undefined) return [...new Set(choice.map(kindOf))].filter((kind) => kind !== '``').join(' or ');
  if (type === 'array') return `list of ${items === undefined ? 'values' : kindOf(items)}`;
  if (type === 'object') return 'mapping';
  if (schema.pattern?.includes('KiB') === true) return 'size';
  if (schema.pattern?.includes('ms|s') === true) return 'time';
  return type === 'string' ? 'text' : (type ?? 'any');
}

function escapeCell(text: string): string {
  return text.replaceAll('|', '\\|');
}

function laterSection(): string {
  const rows = Object.entries(LATER_KEYS).map(([place, keys]) => {
    const list = keys.map((key) => `\`${key}\``).join(', ');
    return `| ${place === '' ? 'the file' : `\`${place}\``} | ${list} |`;
  });
  return `## Not in this version

These keys, and connectors of kind ${LATER_KINDS.map((kind) => `\`${kind}\``).join(', ')}, are reserved for later versions. This one refuses them, so that nobody believes that they are in force.

| in | keys |
|---|---|
${rows.join('\n')}
`;
}

if (import.meta.main) writeFileSync(REFERENCE_PAGE, referencePage());
