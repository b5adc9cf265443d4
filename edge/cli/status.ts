import { Command } from 'commander';
import { Fault } from '../core/fault.ts';
import type { LedgerTotals } from '../core/ledger.ts';
import type { ConnectorStatus, Forecast, LinkStatus, LogTopic, Readiness } from '../api/services.ts';
import { formatBytes, formatDuration } from '../config/quantities.ts';
import { gatewayAt, type GatewayClient } from '../lock/gateway-client.ts';
import { linkTable } from './link-table.ts';
import { type ConfigOption, configOption, jsonOption, openConfig, withExample } from './options.ts';
import { jsonText, table } from './output.ts';

/** `millrace status` */
export function statusCommand(): Command {
  const command = new Command('status')
    .description('Prints the state of the running gateway: connectors, log, links, historian, disk, ledger.')
    .addOption(configOption())
    .addOption(jsonOption())
    .action(status);
  return withExample(command, 'millrace status --json');
}

async function status(options: ConfigOption & { readonly json?: boolean }): Promise<void> {
  const { config } = await openConfig(options);
  const gateway = await gatewayAt(config.data);
  if (gateway === undefined) throw new Fault('gateway-not-running', config.data);
  try {
    const state = await stateOf(gateway);
    process.stdout.write(options.json === true ? jsonText(state) : textOf(state));
  } finally {
    gateway.close();
  }
}

interface GatewayState {
  readonly gateway: { readonly pid: number; readonly version: string; readonly uptimeSeconds: number };
  readonly readiness: Readiness;
  readonly connectors: readonly ConnectorStatus[];
  readonly log: readonly LogTopic[];
  readonly links: readonly LinkStatus[];
  readonly forecast: readonly Forecast[];
  readonly ledger: { readonly total: LedgerTotals; readonly balanced: boolean };
}

async function stateOf(gateway: GatewayClient): Promise<GatewayState> {
  const items = async (path: string): Promise<unknown> =>
    ((await gateway.json(path)) as { readonly items: unknown }).items;
  const { total, balanced } = (await gateway.json('/api/v1/ledger')) as GatewayState['ledger'];
  return {
    gateway: (await gateway.json('/healthz')) as GatewayState['gateway'],
    readiness: (await gateway.json('/readyz', { allow: [503] })) as Readiness,
    connectors: (await items('/api/v1/connectors')) as ConnectorStatus[],
    log: (await items('/api/v1/log/topics')) as LogTopic[],
    links: (await items('/api/v1/links')) as LinkStatus[],
    forecast: (await items('/api/v1/forecast')) as Forecast[],
    ledger: { total, balanced },
  };
}

function textOf({ gateway, readiness, connectors, log, links, forecast, ledger }: GatewayState): string {
  const { pid, version, uptimeSeconds } = gateway;
  const up = formatDuration(uptimeSeconds * 1000);
  const ready = readiness.ready ? 'ready' : 'not ready';
  const sections = [`millrace ${version}, process ${pid}, up ${up}, ${ready}\n`];
  const failing = readiness.parts.filter((part) => !part.ready);
  if (failing.length > 0) {
    sections.push(failing.map(({ name, detail }) => `${name} is not ready: ${detail ?? 'no reason given'}\n`).join(''));
  }
  if (connectors.length > 0) {
    sections.push(
      table(
        ['connector', 'kind', 'state', 'address', 'sources', 'received', ''],
        connectors.map((each) => [
          each.name,
          each.kind,
          each.state,
          each.address,
          each.sources,
          each.received,
          each.detail ?? '',
        ]),
      ),
    );
  }
  sections.push(
    table(
      ['topic', 'start', 'end', 'segments', 'size'],
      log.map(({ topic, start, end, segments, bytes }) => [topic, start, end, segments, formatBytes(bytes)]),
    ),
  );
  if (links.length > 0) sections.push(linkTable(links));
  const { stored, lag } = ledger.total;
  sections.push(
    `historian: ${stored.toLocaleString('en')} samples stored, ${lag.toLocaleString('en')} behind the log\n`,
  );
  sections.push(forecast.map(forecastLine).join(''));
  const totals = Object.entries(ledger.total).map(([term, amount]) => `${term} ${amount.toLocaleString('en')}`);
  sections.push(`ledger ${ledger.balanced ? 'balanced' : 'NOT BALANCED'}: ${totals.join(', ')}\n`);
  return sections.join('\n');
}

function forecastLine({ name, freeBytes, fullInSeconds }: Forecast): string {
  if (freeBytes === 0) return `${name}: full\n`;
  const when =
    fullInSeconds === null ? 'does not fill' : `full in ${formatDuration(fullInSeconds * 1000)} at this rate`;
  return `${name}: ${formatBytes(freeBytes)} free, ${when}\n`;
}
