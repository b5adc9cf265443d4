import { createInterface } from 'node:readline';
import { Readable } from 'node:stream';
import { Command } from 'commander';
import { verifyLink } from '../../sync/link/verify.ts';
import { verifySteps } from '../api/link-views.ts';
import type { LinkStatus, VerifyResult, VerifyStep } from '../api/services.ts';
import { formatAddress } from '../config/address.ts';
import type { Config, LinkConfig } from '../config/schema.ts';
import { Fault } from '../core/fault.ts';
import { noDestination } from '../link-group.ts';
import { gatewayAt, type GatewayClient } from '../lock/gateway-client.ts';
import { version } from '../version.ts';
import { Failure } from './failure.ts';
import { linkTable } from './link-table.ts';
import { LogSource } from './log-source.ts';
import { type ConfigOption, configOption, jsonOption, findConfig, withExample } from './options.ts';
import { jsonText, table } from './output.ts';
import { Progress } from './progress.ts';

interface LinkOptions extends ConfigOption {
  readonly json?: boolean;
}

/** `millrace link` */
export function linkCommand(): Command {
  const list = new Command('list')
    .description('Prints the links, their state and how far they lag.')
    .addOption(configOption())
    .addOption(jsonOption())
    .action(listLinks);
  const verify = new Command('verify')
    .description('Compares both ends of a link record by record. Exit code 1 if they differ.')
    .argument('<name>', 'name of the link')
    .addOption(configOption())
    .addOption(jsonOption())
    .action(verifyOne);
  const command = new Command('link')
    .description('Links: mirrors of the log in Kafka clusters.')
    .addCommand(withExample(list, 'millrace link list'))
    .addCommand(withExample(verify, 'millrace link verify cloud'));
  return withExample(command, 'millrace link list');
}

async function listLinks(options: LinkOptions): Promise<void> {
  const { config } = await findConfig(options);
  const gateway = await gatewayAt(config.data);
  try {
    const items = gateway === undefined ? await stoppedLinks(config) : await linksOf(gateway);
    if (options.json === true) process.stdout.write(jsonText({ items }));
    else process.stdout.write(items.length === 0 ? 'No links are configured.\n' : linkTable(items));
  } finally {
    gateway?.close();
  }
}

async function linksOf(gateway: GatewayClient): Promise<LinkStatus[]> {
  return ((await gateway.json('/api/v1/links')) as { readonly items: LinkStatus[] }).items;
}

/** The configured links where no gateway runs: nothing is known of their destinations. */
async function stoppedLinks(config: Config): Promise<LinkStatus[]> {
  const log = await LogSource.open(config.data);
  const ends = new Map(log.topics().map(({ topic, end }) => [topic, end]));
  log.close();
  const endOf = (topic: string): number => ends.get(topic) ?? 0;
  return config.links.map((link) => {
    const { name, to, topics, prefix } = link;
    if (to === undefined) return noDestination(link, endOf);
    const state = { state: 'stopped', detail: 'no gateway runs' };
    return {
      name,
      ...state,
      brokers: to.brokers.map(formatAddress),
      topics: topics.map((topic) => {
        return {
          topic,
          destination: prefix + topic,
          ...state,
          warnings: [],
          end: endOf(topic),
          mirrored: null,
          lag: null,
        };
      }),
    };
  });
}

async function verifyOne(name: string, options: LinkOptions): Promise<void> {
  const { config } = await findConfig(options);
  const gateway = await gatewayAt(config.data);
  try {
    const steps = gateway === undefined ? verifyHere(config, name) : verifyThere(gateway, name);
    const result = await resultOf(steps, name);
    process.stdout.write(options.json === true ? jsonText(result) : verificationText(result));
    if (!result.equal) throw new Failure(1);
  } finally {
    gateway?.close();
  }
}

async function* verifyThere(gateway: GatewayClient, name: string): AsyncGenerator<VerifyStep> {
  const path = `/api/v1/links/${encodeURIComponent(name)}/verify`;
  const answer = await gateway.stream(path, { method: 'POST', accept: 'application/x-ndjson' });
  for await (const line of createInterface({ input: Readable.from(answer) })) yield JSON.parse(line) as VerifyStep;
}

/** Without a gateway the command compares by itself. */
async function* verifyHere(config: Config, name: string): AsyncGenerator<VerifyStep> {
  const link: LinkConfig | undefined = config.links.find((candidate) => candidate.name === name);
  if (link === undefined) throw new Fault('link-unknown', name);
  const { to } = link;
  if (to === undefined) throw new Fault('link-without-destination', name);
  const log = await LogSource.open(config.data);
  const { folder: logFolder, ends } = log;
  const { signal } = new AbortController();
  yield* verifySteps(
    (ending, onProgress) =>
      verifyLink({ link: { ...link, to }, logFolder, ends, softwareVersion: version, signal: ending, onProgress }),
    signal,
  );
}

async function resultOf(steps: AsyncIterable<VerifyStep>, name: string): Promise<VerifyResult> {
  const progress = new Progress(`verifying ${name}`, 'records');
  try {
    for await (const step of steps) {
      if (step.type === 'result') return step;
      progress.update(step.compared, step.total);
    }
  } finally {
    progress.done();
  }
  throw new Fault('gateway-failed', 'The verification broke off; the log of the gateway says why.');
}

function verificationText({ equal, topics }: VerifyResult): string {
  const rows = topics.map(({ topic, destination, from, compared, different, missing, extra }) => {
    return [topic, destination, from, compared, different, missing, extra];
  });
  const lost = topics.filter(({ unknown }) => unknown > 0);
  const lines = lost.map(
    ({ topic, unknown }) =>
      `${topic}: ${unknown} records cannot be compared, because the log cannot read them; \`millrace log verify\` names them\n`,
  );
  const erased = topics
    .filter((topic) => topic.erased > 0)
    .map((topic) => `${topic.topic}: ${topic.erased} records were erased here and have their values there still\n`);
  const examples = topics.flatMap((topic) =>
    topic.examples.map((example) => `${topic.topic}: ${example}; what follows it was not compared\n`),
  );
  const head = ['topic', 'destination', 'from', 'equal', 'different', 'missing there', 'missing here'];
  return `${table(head, rows)}${[...examples, ...lines, ...erased].join('')}${equal ? 'Both ends are equal.' : 'The ends differ.'}\n`;
}
