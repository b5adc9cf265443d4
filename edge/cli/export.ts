import path from 'node:path';
import { Command, Option } from 'commander';
import type { FileFormat } from '../../historian/parquet/messages.ts';
import { tagMatcher } from '../api/tag-match.ts';
import { parseSpan } from '../api/time-text.ts';
import { formatBytes } from '../config/quantities.ts';
import { realDisk } from '../core/disk.ts';
import { Fault } from '../core/fault.ts';
import { TagDictionary } from '../tags/dictionary.ts';
import { unknownTag } from '../tags/near-tag.ts';
import { exportFile, gapsNote } from './export-file.ts';
import { type ConfigOption, configOption, findConfig, jsonOption, withExample } from './options.ts';
import { jsonText } from './output.ts';

const FORMATS = ['parquet', 'csv'] as const satisfies readonly FileFormat[];

interface ExportOptions extends ConfigOption {
  readonly from?: string;
  readonly to?: string;
  readonly format?: FileFormat;
  readonly output: string;
  readonly json?: boolean;
}

const COLUMNS = `
The file has a row a sample, by tag and then time: tag, time, kind (double, long, …), value (every number
as double), integer, unsigned, text, bytes, quality (StatusCode), flags, device_time, server_time, topic,
log_offset. What comes out of a cold tier stands first, day by day. In CSV times are ISO 8601 in UTC,
bytes are base64.`;

/** `millrace export` */
export function exportCommand(): Command {
  const command = new Command('export')
    .description('Writes all samples of tags into a Parquet or CSV file, in bounded memory; also while a gateway runs.')
    .argument('<tag...>', 'absolute tag paths, or patterns: * stands for a name, ** for any levels')
    .addOption(configOption())
    .option('--from <time>', 'first time, ISO 8601 with a zone (default: from the beginning)')
    .option('--to <time>', 'first time that is no longer wanted (default: to the end)')
    .addOption(
      new Option('--format <format>', 'format (default: what the name of the file ends with)').choices(FORMATS),
    )
    .requiredOption('-o, --output <file>', 'file to write, which appears when it is whole')
    .addOption(jsonOption())
    .addHelpText('after', COLUMNS)
    .action(exportTags);
  return withExample(
    command,
    "millrace export 'plant/loop/**' --from 2026-03-01T00:00:00Z -o loop.parquet",
    'millrace export plant/loop/pressure -o pressure.csv',
  );
}

async function exportTags(patterns: readonly string[], options: ExportOptions): Promise<void> {
  const { from, to, output } = options;
  const format = options.format ?? formatOf(output);
  const span = parseSpan(from, to, 'usage');
  const { config } = await findConfig(options);
  const tags = tagsOf(config.data, patterns);
  const { rows, bytes, gaps } = await exportFile(config, { tags, ...span, file: output, format });
  if (options.json === true)
    process.stdout.write(jsonText({ file: output, tags: tags.length, samples: rows, bytes, gaps: gaps.length }));
  else {
    const count = `${rows.toLocaleString('en')} samples of ${tags.length.toLocaleString('en')} ${tags.length === 1 ? 'tag' : 'tags'}`;
    process.stdout.write(`${output}: ${count}, ${formatBytes(bytes)}\n`);
  }
  process.stderr.write(gapsNote(gaps.length));
}

function formatOf(file: string): FileFormat {
  const ending = path.extname(file).slice(1).toLowerCase();
  const format = FORMATS.find((name) => name === ending);
  if (format === undefined) throw new Fault('usage', `${file}: ends with neither .parquet nor .csv; say --format.`);
  return format;
}

/** Paths that fit, each once. Throws `tag-unknown` for a pattern that fits none. */
function tagsOf(data: string, patterns: readonly string[]): string[] {
  const dictionary = new TagDictionary(realDisk, path.join(data, 'tags'));
  dictionary.openReadOnly();
  try {
    // A mistyped folder must not pass for a mistyped tag.
    if (dictionary.size === 0) throw new Fault('tag-unknown', `There is no tag in ${data}.`);
    const found = new Set<string>();
    for (const pattern of patterns) {
      const paths = pathsFor(dictionary, pattern);
      if (paths.length === 0) throw unknownTag(dictionary, pattern);
      for (const tag of paths) found.add(tag);
    }
    return [...found].toSorted((a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b)));
  } finally {
    dictionary.close();
  }
}

/** A path may be a former one, which a pattern does not know. */
function pathsFor(dictionary: TagDictionary, pattern: string): string[] {
  if (!pattern.includes('*')) {
    const entry = dictionary.find(pattern);
    return entry === undefined ? [] : [entry.path];
  }
  const fits = tagMatcher(pattern);
  return dictionary
    .all()
    .map((entry) => entry.path)
    .filter((tag) => fits(tag));
}
