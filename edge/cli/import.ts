import path from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { Command } from 'commander';
import type { Config } from '../config/schema.ts';
import { Zone } from '../../connectors/payload/zone.ts';
import { Fault } from '../core/fault.ts';
import { IMPORT_PATH, type ImportAnswer } from '../import/chunk.ts';
import {
  carryOut,
  type ImportJob,
  type Imported,
  learnedTypes,
  openSources,
  planImport,
  tagsOf,
} from '../import/importing.ts';
import { readMap } from '../import/map-file.ts';
import type { ImportMap } from '../import/map-schema.ts';
import type { ImportPlan } from '../import/plan.ts';
import { planText, planView } from '../import/plan-text.ts';
import { ImportPosition, type ImportProgress } from '../import/position.ts';
import { RefusalFile } from '../import/refusals.ts';
import { type Room, roomFor } from '../import/room.ts';
import type { SourceFile } from '../import/source.ts';
import type { GatewayClient } from '../lock/gateway-client.ts';
import { ConfigFailure, Failure } from './failure.ts';
import { type ConfigOption, configOption, findConfig, jsonOption, withExample } from './options.ts';
import { jsonText, table } from './output.ts';
import { RateProgress } from './rate-progress.ts';
import { untilEnded } from './signals.ts';
import { withGateway } from './temporary-gateway.ts';

const MAP_INVALID = {
  what: 'The map has errors.',
  todo: 'Correct the lines that are named; docs/examples/import-map.yaml shows everything that a map may say.',
};
/** The log looks at itself once a second. */
const ROOM_ATTEMPTS = 30;
const ROOM_EVERY_MS = 100;

/** Options of commands that read exports of another historian. */
export interface ReadingOptions extends ConfigOption {
  readonly map?: string;
  readonly siteTimeZone?: string;
  readonly tag?: string;
  readonly json?: boolean;
}

interface ImportOptions extends ReadingOptions {
  readonly dryRun?: boolean;
  readonly resume?: boolean;
  readonly report?: string;
  readonly force?: boolean;
}

/** `millrace import` */
export function importCommand(): Command {
  const command = withReadingOptions(
    new Command('import')
      .description(
        'Takes history out of CSV (also gzip) or Parquet files into the log and the historian, each sample once, through the running gateway or, without one, under its lock. Exit code 1 if anything was refused.',
      )
      .argument('<file...>', 'files with a column of tags (tag,time,value,quality) or a column a tag'),
  )
    .option('--dry-run', 'print what would come and what would be refused, and write nothing')
    .option('--resume', 'go on where an import of these files was ended')
    .option(
      '--report <file>',
      'file of what is refused, with line and reason (default: <file>.refused.csv in this folder)',
    )
    .option('--force', 'begin also where there is not enough room')
    .action(importFiles);
  return withExample(
    command,
    'millrace import history.csv.gz --dry-run',
    'millrace import 2024.csv 2025.csv --map old-historian.yaml --site-time-zone Europe/Berlin',
  );
}

/** Adds the options that say how files are read. */
export function withReadingOptions(command: Command): Command {
  return command
    .addOption(configOption())
    .option('--map <file>', 'YAML file that says how names, times, numbers and qualities are to be read')
    .option('--site-time-zone <zone>', 'zone of times that name none, such as Europe/Berlin')
    .option('--tag <name>', 'name of the one tag of files without a column of tags')
    .addOption(jsonOption());
}

/** What the options say of how files are read. Throws a `ConfigFailure` with everything that is wrong with the map, `usage`. */
export async function readingJob(
  files: readonly string[],
  options: ReadingOptions,
  config: Config,
): Promise<ImportJob> {
  const { siteTimeZone, tag } = options;
  if (siteTimeZone !== undefined && Zone.named(siteTimeZone) === undefined)
    throw new Fault('usage', `--site-time-zone: there is no zone ${JSON.stringify(siteTimeZone)}.`);
  let map: ImportMap = {};
  if (options.map !== undefined) {
    const checked = await readMap(options.map);
    if (checked.problems !== undefined) throw new ConfigFailure(checked.problems, MAP_INVALID);
    ({ map } = checked);
  }
  const latestUs = Date.now() * 1000 + config.clock.ahead * 1000;
  return { files, map, site: config.site.name, timezone: siteTimeZone, tag, known: tagsOf(config.data), latestUs };
}

/** What the gateway has begun with is waited for, so that it is known how far the import is. */
function importFiles(files: readonly string[], options: ImportOptions): Promise<void> {
  return untilEnded((signal) => importUntil(signal, files, options), { limitMs: Number.POSITIVE_INFINITY });
}

async function importUntil(signal: AbortSignal, files: readonly string[], options: ImportOptions): Promise<void> {
  const { config } = await findConfig(options);
  const job = await readingJob(files, options, config);
  const sources = await openSources(job);
  const position = new ImportPosition(config.data, files, {
    map: job.map,
    timezone: job.timezone,
    tag: job.tag,
    site: job.site,
  });
  const before = options.resume === true ? position.read() : undefined;
  if (options.dryRun === true) return showPlan(await lookThrough(job, sources, signal), options);
  if (options.resume === true && before === undefined)
    say('There is no import of these files to go on with: it begins anew.');
  if (options.resume !== true && position.isThere)
    say(
      'An import of these files was ended on its way; --resume goes on there. It begins anew, and takes nothing twice.',
    );
  const plan = before === undefined ? await lookThrough(job, sources, signal) : undefined;
  const start = before ?? {
    file: 0,
    rows: 0,
    logged: 0,
    duplicate: 0,
    refused: 0,
    reportBytes: 0,
    types: plan === undefined ? {} : learnedTypes(plan),
  };
  const refusals = new RefusalFile(
    options.report ?? `${path.basename(files[0] ?? 'import')}.refused.csv`,
    start.reportBytes,
  );
  const imported = await withGateway(config, async (gateway) => {
    if (plan !== undefined) await checkRoom(gateway, plan.samples, config, options.force === true);
    refusals.open();
    return await carry(gateway, { job, sources, position, start, refusals, signal });
  });
  tell(imported, refusals, options);
}

/** The first pass over the files, with its progress. Throws what reading them throws, or the signal's reason. */
export async function lookThrough(
  job: ImportJob,
  sources: readonly SourceFile[],
  signal: AbortSignal,
): Promise<ImportPlan> {
  const progress = new RateProgress('looking through', total(sources), 'rows');
  try {
    const plan = await planImport(job, sources, (bytes, rows) => progress.update(bytes, rows), signal);
    signal.throwIfAborted();
    return plan;
  } finally {
    progress.done();
  }
}

/** Bytes of the files. */
export function total(sources: readonly SourceFile[]): number {
  return sources.reduce((sum, { bytes }) => sum + bytes, 0);
}

function showPlan(plan: ImportPlan, options: ImportOptions): void {
  const view = planView(plan);
  process.stdout.write(options.json === true ? jsonText(view) : planText(view, table));
  if (view.refused > 0) throw new Failure(1);
}

/** Says what becomes of the samples. Throws a `Failure` where there is no room for them. */
async function checkRoom(gateway: GatewayClient, samples: number, config: Config, force: boolean): Promise<void> {
  const { problem, notes } = roomFor(samples, await roomOf(gateway), config);
  for (const note of notes) say(note);
  if (problem === undefined || force) return;
  say(`${problem} Make room, import less, or say --force.`);
  throw new Failure(1);
}

/** What there is, as the gateway's forecast says; one that has just started has not looked yet. */
async function roomOf(gateway: GatewayClient): Promise<Room> {
  for (let attempt = 0; ; attempt++) {
    const { items } = (await gateway.json('/api/v1/forecast')) as {
      items: readonly ({ readonly name: string } & Partial<Room>)[];
    };
    const { freeBytes = 0 } = items.find(({ name }) => name === 'disk') ?? {};
    const { limitBytes = 0, bytes = 0 } = items.find(({ name }) => name === 'log') ?? {};
    if (limitBytes > 0 || attempt >= ROOM_ATTEMPTS) return { freeBytes, limitBytes, bytes };
    await pause(ROOM_EVERY_MS);
  }
}

interface Carried {
  readonly job: ImportJob;
  readonly sources: readonly SourceFile[];
  readonly position: ImportPosition;
  readonly start: ImportProgress;
  readonly refusals: RefusalFile;
  readonly signal: AbortSignal;
}

async function carry(gateway: GatewayClient, { job, sources, ...rest }: Carried): Promise<Imported> {
  const progress = new RateProgress('importing', total(sources), 'rows');
  try {
    return await carryOut(job, sources, {
      ...rest,
      send: async (chunk) => (await gateway.json(IMPORT_PATH, { method: 'POST', bytes: chunk })) as ImportAnswer,
      onProgress: (bytes, rows) => progress.update(bytes, rows),
    });
  } finally {
    progress.done();
  }
}

function tell(imported: Imported, refusals: RefusalFile, { json }: ImportOptions): void {
  const { logged, duplicate, refused, whole } = imported;
  const report = refusals.bytes > 0 ? refusals.file : null;
  if (json === true) process.stdout.write(jsonText({ ...imported, report }));
  else {
    const counts = [logged, duplicate, refused].map((count) => count.toLocaleString('en'));
    process.stdout.write(
      `${counts[0]} samples imported, ${counts[1]} were there already, ${counts[2]} refused${report === null ? '' : ` (${report})`}\n`,
    );
    if (!whole) process.stdout.write('Ended on its way: --resume goes on there.\n');
  }
  if (!whole || refused > 0) throw new Failure(1);
}

function say(text: string): void {
  process.stderr.write(`millrace: ${text}\n`);
}
