import type { z } from 'zod';
import type { ConnectorStatus, LinkStatus, LogTopic, QuestdbStatus, Readiness } from '../api/services.ts';
import type { historianShape } from '../api/care-shapes.ts';
import type { alarmsShape, forecastShape, modelsShape } from '../api/shapes.ts';
import { clockDoubt } from '../log/clock-doubt.ts';
import { formatBytes, formatDuration } from '../config/quantities.ts';
import type { LedgerTotals } from '../core/ledger.ts';
import { linkTable } from './link-table.ts';
import { table } from './output.ts';

type ModelItem = z.infer<typeof modelsShape>['items'][number];
type Forecast = z.infer<typeof forecastShape>['items'][number];
type LogForecast = Extract<Forecast, { topics: unknown }>;
type Historian = z.infer<typeof historianShape>;
type Tier = NonNullable<Historian['tier']>;
type AlarmItem = z.infer<typeof alarmsShape>['items'][number];

const DAY_S = 86_400;

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
  /** Null while it does not run. */
  readonly historian: Historian | null;
  /** Null where none is configured. */
  readonly questdb: QuestdbStatus | null;
  /** Null while the historian does not run. */
  readonly ledger: { readonly total: LedgerTotals; readonly balanced: boolean } | null;
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
    questdbLine(state),
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

/** Who fills the disk, and how far back each topic reaches. */
function topicTable({ log, forecast }: GatewayState): string {
  const expected = forecast.find((item): item is LogForecast => 'topics' in item)?.topics ?? [];
  const rows = log.map(({ topic, start, end, segments, bytes }) => {
    const { bytesPerSecond = 0, oldest = null } = expected.find((each) => each.topic === topic) ?? {};
    const daily = bytesPerSecond > 0 ? formatBytes(Math.round(bytesPerSecond * DAY_S)) : '';
    return [topic, start, end, segments, formatBytes(bytes), daily, oldest ?? ''];
  });
  return table(['topic', 'start', 'end', 'segments', 'size', 'a day', 'since'], rows);
}

function historianLine({ ledger, historian }: GatewayState): string {
  const { stored, lag } = ledger?.total ?? {};
  const samples =
    stored === undefined || lag === undefined
      ? ''
      : `historian: ${stored.toLocaleString('en')} samples stored, ${lag.toLocaleString('en')} behind the log\n`;
  return historian === null ? samples : samples + historianText(historian);
}

function grouped(amount: number): string {
  return amount.toLocaleString('en');
}

function questdbLine({ questdb }: GatewayState): string {
  if (questdb === null) return '';
  const { state, detail, lagRecords, rows, refused, table: name, address } = questdb;
  const not = refused === 0 ? '' : `, ${grouped(refused)} that it cannot take`;
  const why = detail === null ? '' : `questdb: ${detail}\n`;
  return `questdb: ${state}, ${grouped(lagRecords)} records behind the log, ${grouped(rows)} rows sent to ${name} of ${address}${not}\n${why}`;
}

/** Files of the historian, how long what is in them is kept, and what somebody should look at. */
export function historianText(historian: Historian): string {
  const { files, fileBytes, topics, expires, erasures, damaged, repairedSamples, tier } = historian;
  const kept = new Map<string, string[]>();
  for (const { topic, retentionSeconds } of topics) {
    const time = retentionSeconds === null ? 'for ever' : span(retentionSeconds);
    kept.set(time, [...(kept.get(time) ?? []), topic]);
  }
  const times = Array.from(kept, ([time, names]) => (kept.size === 1 ? time : `${names.join(', ')} ${time}`));
  const expired = topics.flatMap(({ topic, expiredBefore }) => {
    return expiredBefore === null ? [] : [`historian: ${topic} has expired before ${expiredBefore}\n`];
  });
  return [
    `historian: ${files} files, ${formatBytes(fileBytes)}; samples are kept ${times.join(', ')}\n`,
    ...expired,
    tier === null ? '' : tierText(tier),
    expires ? '' : 'historian: nothing expires while the clock is in doubt\n',
    erasures === 0
      ? ''
      : `historian: ${erasures} erasures are not done everywhere; \`millrace historian erasures\` says where and why\n`,
    damaged.length === 0
      ? ''
      : `historian: damaged and shown as gaps: ${damaged.join(', ')}; \`millrace historian verify\` says what is in them\n`,
    repairedSamples === 0
      ? ''
      : `historian: ${repairedSamples.toLocaleString('en')} samples that could not be read were written anew out of the log\n`,
  ].join('');
}

function tierText({ location, days, bytes, covered, updated, lagSeconds, failures, detail }: Tier): string {
  const upTo = covered === null ? '' : `, everything before ${covered}`;
  const behind = lagSeconds === null || lagSeconds === 0 ? '' : `, ${span(lagSeconds)} behind`;
  const changed = updated === null ? '' : `, last changed ${updated}`;
  const failed = failures === 0 ? '' : `, ${grouped(failures)} failures`;
  const why = detail === null ? '' : `tier: ${detail}\n`;
  return `tier: ${grouped(days)} days, ${formatBytes(bytes)} in ${location}${upTo}${behind}${changed}${failed}\n${why}`;
}

function ledgerLine({ ledger }: GatewayState): string {
  if (ledger === null) return '';
  const totals = Object.entries(ledger.total).map(([term, amount]) => `${term} ${amount.toLocaleString('en')}`);
  return `ledger ${ledger.balanced ? 'balanced' : 'NOT BALANCED'}: ${totals.join(', ')}\n`;
}

function forecastLine(item: Forecast): string {
  if ('topics' in item) return logLine(item);
  if ('waitingBytes' in item) {
    const { name, waitingBytes, losesInSeconds } = item;
    const loss =
      losesInSeconds === null ? 'nothing comes to its topics' : `loses data in ${span(losesInSeconds)} if it is down`;
    return `${name}: ${formatBytes(waitingBytes)} of the log not mirrored, ${loss}\n`;
  }
  const { name, freeBytes, fullInSeconds } = item;
  if (freeBytes === 0) return `${name}: full\n`;
  const when = fullInSeconds === null ? 'no end in sight' : `full in ${span(fullInSeconds)} at this rate`;
  return `${name}: ${formatBytes(freeBytes)} free, ${when}\n`;
}

function logLine({ name, bytes, budgetBytes, limitBytes, fullInSeconds, lastsSeconds, clock }: LogForecast): string {
  const reserve = limitBytes < budgetBytes ? ` (now ${formatBytes(limitBytes)}: the disk has too little left)` : '';
  const until = fullInSeconds === 0 ? 'the oldest data goes' : `full in ${span(fullInSeconds ?? 0)}`;
  const when =
    lastsSeconds === null ? 'no end in sight' : `${until}; at this rate it reaches back ${span(lastsSeconds)}`;
  const line = `${name}: ${formatBytes(bytes)} of ${formatBytes(budgetBytes)}${reserve}, ${when}\n`;
  return clock.confirmed ? line : `${line}${clockDoubt(clock.aheadSeconds * 1000)}\n`;
}

function span(seconds: number): string {
  return formatDuration(seconds * 1000);
}
