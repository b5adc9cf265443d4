import { Command } from 'commander';
import type { RebuiltTopic } from '../../historian/store/rebuild.ts';
import { gatewayAt, type GatewayClient } from '../lock/gateway-client.ts';
import { type ConfigOption, configOption, jsonOption, findConfig, withExample } from './options.ts';
import { jsonText, table } from './output.ts';
import { askWork, besideOutput, WorkProgress } from './work.ts';

interface RebuildOptions extends ConfigOption {
  readonly json?: boolean;
}

/** `millrace rebuild` */
export function rebuildCommand(): Command {
  const historian = new Command('historian')
    .description(
      'Reads again what the log covers, beside the files that there are, then swaps; what the log does not cover stays. Through the running gateway, or without one under the lock of its data.',
    )
    .addOption(configOption())
    .addOption(jsonOption())
    .action(rebuildHistorian);
  const command = new Command('rebuild')
    .description('Makes anew what can be made out of the log.')
    .addCommand(withExample(historian, 'millrace rebuild historian'));
  return withExample(command, 'millrace rebuild historian');
}

async function rebuildHistorian(options: RebuildOptions): Promise<void> {
  const { config } = await findConfig(options);
  const gateway = await gatewayAt(config.data);
  let topics: readonly RebuiltTopic[];
  if (gateway !== undefined) topics = await askGateway(gateway);
  else {
    const { StoppedGateway } = await import('../stopped-gateway.ts');
    const stopped = await StoppedGateway.open(config, besideOutput);
    const progress = new WorkProgress();
    try {
      topics = await stopped.historian.rebuild((step) => progress.update(step));
    } finally {
      progress.done();
      await stopped.close();
    }
  }
  process.stdout.write(options.json === true ? jsonText({ topics }) : rebuiltText(topics));
}

async function askGateway(gateway: GatewayClient): Promise<readonly RebuiltTopic[]> {
  try {
    const { topics } = (await askWork(gateway, '/api/v1/historian/rebuild')) as { readonly topics: RebuiltTopic[] };
    return topics;
  } finally {
    gateway.close();
  }
}

/** Both spans: what was read again, and what stays as it was. */
function rebuiltText(topics: readonly RebuiltTopic[]): string {
  if (topics.length === 0) return 'The log covers nothing that the historian has taken: it stays as it is.\n';
  const rows = topics.map(({ topic, first, last, samples, kept }) => [topic, `${first} to ${last}`, samples, kept]);
  return `${table(['topic', 'offsets read again', 'samples written anew', 'samples kept as they were'], rows)}The historian is rebuilt.\n`;
}
