import { createInterface } from 'node:readline/promises';
import { userInfo } from 'node:os';
import { Command } from 'commander';
import type { z } from 'zod';
import type { erasurePreviewShape, erasureShape } from '../api/care-shapes.ts';
import { erasureResult } from '../api/routes/erasures.ts';
import { parseTime } from '../api/time-text.ts';
import { formatBytes, formatDuration } from '../config/quantities.ts';
import type { Config } from '../config/schema.ts';
import { Fault } from '../core/fault.ts';
import { gatewayAt, type GatewayClient } from '../lock/gateway-client.ts';
import { Failure } from './failure.ts';
import { type ConfigOption, configOption, jsonOption, findConfig, withExample } from './options.ts';
import { jsonText, table } from './output.ts';
import { askWork, besideOutput, WorkProgress } from './work.ts';

/** Tags that are shown by name before somebody says yes. */
const SHOWN_TAGS = 20;
const ROUTE = '/api/v1/erasures';

interface EraseOptions extends ConfigOption {
  readonly tag: readonly string[];
  readonly prefix?: boolean;
  readonly from: string;
  readonly to: string;
  readonly reason: string;
  readonly by?: string;
  readonly dryRun?: boolean;
  readonly yes?: boolean;
  readonly json?: boolean;
}

type Preview = z.output<typeof erasurePreviewShape>;
type Erased = z.output<typeof erasureShape>;

/** Whoever does it: the running gateway, or this process under the lock of the data. */
interface Doer {
  preview(): Promise<Preview>;
  erase(): Promise<Erased>;
  close(): Promise<void> | void;
}

/** `millrace erase` */
export function eraseCommand(): Command {
  const command = new Command('erase')
    .description(
      'Removes samples for ever: out of every answer at once, then out of the files of the historian, of the log and of the other stores. Shows first what it is about, and asks. It goes on record with who and why.',
    )
    .requiredOption('--tag <path...>', 'absolute tag paths')
    .option('--prefix', 'all tags at and below these paths')
    .requiredOption('--from <time>', 'first time, ISO 8601 with a zone')
    .requiredOption('--to <time>', 'first time that is not meant any more')
    .requiredOption('--reason <text>', 'why; it stands in the log for ever')
    .option('--by <name>', 'who (default: the user of the system)')
    .option('--dry-run', 'only show what it is about')
    .option('--yes', 'do not ask')
    .addOption(configOption())
    .addOption(jsonOption())
    .action(erase);
  return withExample(
    command,
    'millrace erase --tag plant/press1/operator --from 2026-03-01T00:00:00Z --to 2026-04-01T00:00:00+02:00 --reason "names of persons"',
    'millrace erase --tag plant/line1 --prefix --from 2026-03-01T06:00:00Z --to 2026-03-01T07:00:00Z --reason "test run" --dry-run',
  );
}

async function erase(options: EraseOptions): Promise<void> {
  const { from, to, reason, dryRun = false, yes = false, json = false } = options;
  if (parseTime(from) >= parseTime(to)) throw new Fault('usage', '--from is not before --to.');
  if (reason.trim() === '') throw new Fault('usage', '--reason: say why.');
  if (!dryRun && !yes && !process.stdin.isTTY)
    throw new Fault('usage', 'There is nobody to be asked here: say --yes, or --dry-run to see what it is about.');
  const { config } = await findConfig(options);
  const doer = await doerOf(config, options);
  try {
    const preview = await doer.preview();
    if (json && dryRun) process.stdout.write(jsonText(preview));
    else if (!json) process.stdout.write(previewText(preview));
    if (dryRun) return;
    if (!yes && !(await confirmed(preview))) {
      process.stderr.write('Nothing was erased.\n');
      throw new Failure(1);
    }
    const erased = await doer.erase();
    process.stdout.write(json ? jsonText(erased) : erasedText(erased, config));
    if (!erased.done) throw new Failure(1);
  } finally {
    await doer.close();
  }
}

async function doerOf(config: Config, options: EraseOptions): Promise<Doer> {
  const gateway = await gatewayAt(config.data);
  return gateway === undefined ? doerHere(config, options) : doerThere(gateway, options);
}

function doerThere(gateway: GatewayClient, options: EraseOptions): Doer {
  const { tag: tags, prefix = false, from, to, reason } = options;
  const body = { tags, prefix, from, to, reason, by: by(options) };
  return {
    preview: async () => (await askWork(gateway, ROUTE, { ...body, dryRun: true })) as Preview,
    erase: async () => (await askWork(gateway, ROUTE, body)) as Erased,
    close: () => gateway.close(),
  };
}

/** Shows how far something is that is done here. */
async function shown<T>(work: (progress: WorkProgress) => Promise<T>): Promise<T> {
  const progress = new WorkProgress();
  try {
    return await work(progress);
  } finally {
    progress.done();
  }
}

async function doerHere(config: Config, options: EraseOptions): Promise<Doer> {
  const { tag: tags, prefix = false, from, to, reason } = options;
  const order = { tags, prefix, fromUs: parseTime(from), toUs: parseTime(to), reason, by: by(options) };
  const { StoppedGateway } = await import('../stopped-gateway.ts');
  const stopped = await StoppedGateway.open(config, besideOutput);
  return {
    preview: () =>
      shown(async (progress) => {
        const preview = await stopped.preview(order, (step) => progress.update(step));
        return { type: 'preview', ...preview, uncounted: [...preview.uncounted], tags: [...preview.tags] };
      }),
    erase: () => shown(async (progress) => erasureResult(await stopped.erase(order, (step) => progress.update(step)))),
    close: () => stopped.close(),
  };
}

function by({ by: name }: EraseOptions): string {
  return (name ?? userInfo().username).slice(0, 100);
}

async function confirmed({ samples, tagCount }: Preview): Promise<boolean> {
  const asked = createInterface({ input: process.stdin, output: process.stderr });
  try {
    const answer = await asked.question(
      `Erase ${count(samples, 'sample')} of ${count(tagCount, 'tag')} for ever? Type yes: `,
    );
    return answer.trim().toLowerCase() === 'yes';
  } catch (error) {
    // Ctrl-C and Ctrl-D are answers too.
    if (!(error instanceof Error) || error.name !== 'AbortError') throw error;
    process.stderr.write('\n');
    return false;
  } finally {
    asked.close();
  }
}

function previewText({ samples, tagCount, uncounted, unreadable, tags }: Preview): string {
  const rows = tags.slice(0, SHOWN_TAGS).map((each) => [each.tag, each.samples]);
  const more = tags.length > SHOWN_TAGS ? `and others; --dry-run --json names up to 1,000\n` : '';
  const damaged =
    unreadable === 0 ? '' : `${count(unreadable, 'sample')} of them cannot be read: the file is damaged.\n`;
  const list = rows.length === 0 ? '' : `${table(['tag', 'samples'], rows)}${more}`;
  const others =
    uncounted.length === 0 ? '' : `; copies elsewhere (${uncounted.join(', ')}) are erased too, and not counted`;
  return `${list}${count(samples, 'sample')} of ${count(tagCount, 'tag')} in the historian${others}\n${damaged}`;
}

function erasedText(erased: Erased, config: Config): string {
  const { id, samples, tagCount, places, unopened, unread, event } = erased;
  const lines = [
    `Erasure ${id}: ${count(samples, 'sample')} of ${count(tagCount, 'tag')}.`,
    ...places.map(({ name, done, detail }) =>
      done === null ? `${name}: NOT DONE, tried again by itself: ${detail ?? 'it is under way'}` : `${name}: erased`,
    ),
    ...unopened.map(
      (file) => `historian: ${file} cannot be opened and may still hold something of it; remove the file by hand`,
    ),
    ...unread.map(
      (part) => `log: ${part} cannot be read and may still hold something of it; its retention lets go of it`,
    ),
    event === null ? 'event: not in the log yet' : `event: erased, offset ${event} of topic events`,
    ...leftLines(erased, config),
  ];
  return `${lines.join('\n')}\n`;
}

/** What there is of it elsewhere, which nobody erases here. */
function leftLines({ links, quarantine, log: held }: Erased, { log }: Config): string[] {
  const until = (retentionSeconds: number | null): string =>
    retentionSeconds === null
      ? `until its budget of ${formatBytes(log.budget)} needs their room`
      : `until its retention of ${formatDuration(retentionSeconds * 1000)} has let go of them`;
  const refused = quarantine === null ? '' : count(quarantine.records, 'refused message');
  return [
    ...links.map(({ name, told }) =>
      told
        ? `link ${name}: carries the event; what it has mirrored is for the other end to erase`
        : `link ${name}: does not mirror topic events, so the other end is NOT told; what it has mirrored is still there`,
    ),
    ...(quarantine === null
      ? []
      : [
          `quarantine: ${refused} cannot be told by tag and may hold something of it; the log keeps them ${until(quarantine.retentionSeconds)}`,
        ]),
    ...held.map(
      ({ topic, upTo, retentionSeconds }) =>
        `log: records of ${topic} below offset ${upTo} may stay in its segments ${until(retentionSeconds)}; the historian takes none of these again`,
    ),
  ];
}

function count(amount: number, what: string): string {
  return `${amount.toLocaleString('en')} ${what}${amount === 1 ? '' : 's'}`;
}
