import { Command } from 'commander';
import { Fault } from '../core/fault.ts';
import { gatewayAt, type GatewayClient } from '../lock/gateway-client.ts';
import { type ConfigOption, configOption, jsonOption, findConfig, withExample } from './options.ts';
import { jsonText } from './output.ts';
import { type GatewayState, statusText } from './status-text.ts';

/** `millrace status` */
export function statusCommand(): Command {
  const command = new Command('status')
    .description(
      'Prints the state of the running gateway: connectors, models, alarms, log, links, historian, disk, ledger.',
    )
    .addOption(configOption())
    .addOption(jsonOption())
    .action(status);
  return withExample(command, 'millrace status --json');
}

async function status(options: ConfigOption & { readonly json?: boolean }): Promise<void> {
  const { config } = await findConfig(options);
  const gateway = await gatewayAt(config.data);
  if (gateway === undefined) throw new Fault('gateway-not-running', config.data);
  try {
    const state = await stateOf(gateway);
    process.stdout.write(options.json === true ? jsonText(state) : statusText(state));
  } finally {
    gateway.close();
  }
}

async function stateOf(gateway: GatewayClient): Promise<GatewayState> {
  const items = async (path: string): Promise<unknown> =>
    ((await gateway.json(path)) as { readonly items: unknown }).items;
  // The historian has a term of it: while that does not run there is none, and the rest of the state is wanted all the more.
  const ledger = (await gateway.json('/api/v1/ledger', { allow: [503] })) as Partial<
    NonNullable<GatewayState['ledger']>
  >;
  const historian = (await gateway.json('/api/v1/historian', { allow: [503] })) as Partial<
    NonNullable<GatewayState['historian']>
  >;
  const questdb = (await gateway.json('/api/v1/historian/questdb', { allow: [404] })) as Partial<
    NonNullable<GatewayState['questdb']>
  >;
  return {
    gateway: (await gateway.json('/healthz')) as GatewayState['gateway'],
    readiness: (await gateway.json('/readyz', { allow: [503] })) as GatewayState['readiness'],
    connectors: (await items('/api/v1/connectors')) as GatewayState['connectors'],
    models: (await items('/api/v1/models')) as GatewayState['models'],
    alarms: (await items('/api/v1/alarms')) as GatewayState['alarms'],
    log: (await items('/api/v1/log/topics')) as GatewayState['log'],
    links: (await items('/api/v1/links')) as GatewayState['links'],
    forecast: (await items('/api/v1/forecast')) as GatewayState['forecast'],
    historian: historian.topics === undefined ? null : (historian as GatewayState['historian']),
    questdb: questdb.table === undefined ? null : (questdb as GatewayState['questdb']),
    ledger: ledger.total === undefined ? null : { total: ledger.total, balanced: ledger.balanced === true },
  };
}
