import type { z } from 'zod';
import type { ConnectorStatus, Forecast, LinkStatus, LogTopic, Readiness } from '../api/services.ts';
import type { alarmsShape, modelsShape } from '../api/shapes.ts';
import { formatBytes, formatDuration } from '../config/quantities.ts';
import type { LedgerTotals } from '../core/ledger.ts';
import { linkTable } from './link-table.ts';
import { table } from './output.ts';

type ModelItem = z.infer<typeof modelsShape>['items'][number];
type AlarmItem = z.infer<typeof alarmsShape>['items'][number];

/** What `millrace status` asks for. */
export interface GatewayState {
  readonly gateway: { readonly pid: number; readonly version: string; readonly uptimeSeconds: number };
  readonly readiness: Readiness;
  readonly connectors: readonly ConnectorStatus[];
  readonly models: readonly ModelItem[];
  readonly alarms: readonly AlarmItem[];
  readonly log: readonly LogTopic[];
  readonly links: readonly LinkStatus[];
  readonly forecast: readonly Forecast[];
  readonly ledger: { readonly total: LedgerTotals; readonly balanced: boolean };
}

/** The state as text: a line or a table a part; what there is none of is left out. */
export function statusText(state: GatewayState): string {
  return [
    gatewayLine(state),
    notReady(state),
    connectorTable(state),
    modelTable(state),
    alarmTable(state),
    topicTable(state),
    state.links.length === 0 ? '' : linkTable(state.links),
    historianLine(state),
    state.forecast.map(forecastLine).join(''),
    ledgerLine(state),
  ]
    .filter((section) => section !== '')
    .join('\n');
}

function gatewayLine({ gateway: { pid, version, uptimeSeconds }, readiness }: GatewayState): string {
  const up = formatDuration(uptimeSeconds * 1000);
  return `millrace ${version}, process ${pid}, up ${up}, ${readiness.ready ? 'ready' : 'not ready'}\n`;
}

function notReady({ readiness }: GatewayState): string {
  const failing = readiness.parts.filter((part) => !part.ready);
  return failing.map(({ name, detail }) => `${name} is not ready: ${detail ?? 'no reason given'}\n`).join('');
}

function connectorTable({ connectors }: GatewayState): string {
  const rows = connectors.map(({ name, kind, state, address, sources, received, detail }) => {
    return [name, kind, state, address, sources, received, detail ?? ''];
  });
  return rows.length === 0 ? '' : table(['connector', 'kind', 'state', 'address', 'sources', 'received', ''], rows);
}

function modelTable({ models }: GatewayState): string {
  const rows = models.map(({ name, state, version, score, progress, detail }) => {
    const done = progress === null ? '' : `, ${progress.phase} ${Math.floor(progress.done * 100)} %`;
    return [name, `${state}${done}`, version ?? '', score?.toFixed(2) ?? '', detail ?? ''];
  });
  return rows.length === 0 ? '' : table(['model', 'state', 'version', 'score', ''], rows);
}

function alarmTable({ alarms }: GatewayState): string {
  const rows = alarms.map(({ name, state, priority, since, message }) => [name, state, priority, since, message]);
  return rows.length === 0 ? '' : table(['alarm', 'state', 'priority', 'since', ''], rows);
}

function topicTable({ log }: GatewayState): string {
  const rows = log.map(({ topic, start, end, segments, bytes }) => [topic, start, end, segments, formatBytes(bytes)]);
  return table(['topic', 'start', 'end', 'segments', 'size'], rows);
}

function historianLine({ ledger: { total } }: GatewayState): string {
  const { stored, lag } = total;
  return `historian: ${stored.toLocaleString('en')} samples stored, ${lag.toLocaleString('en')} behind the log\n`;
}

function ledgerLine({ ledger }: GatewayState): string {
  const totals = Object.entries(ledger.total).map(([term, amount]) => `${term} ${amount.toLocaleString('en')}`);
  return `ledger ${ledger.balanced ? 'balanced' : 'NOT BALANCED'}: ${totals.join(', ')}\n`;
}

function forecastLine({ name, freeBytes, fullInSeconds }: Forecast): string {
  if (freeBytes === 0) return `${name}: full\n`;
  const when =
    fullInSeconds === null ? 'does not fill' : `full in ${formatDuration(fullInSeconds * 1000)} at this rate`;
  return `${name}: ${formatBytes(freeBytes)} free, ${when}\n`;
}
