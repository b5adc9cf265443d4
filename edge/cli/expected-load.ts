import type { Config } from '../config/schema.ts';

/** What the configured tags bring, as far as the configuration tells. */
export interface ExpectedLoad {
  /** Tags that are known one by one. */
  readonly tags: number;
  readonly samplesPerSecond: number;
  /** Of these tags nobody says how often they come: one sample a second is assumed. */
  readonly assumedTags: number;
  /** Connectors that have tags of which not even the number is known before they come. */
  readonly uncounted: readonly string[];
}

type ConnectorConfig = Config['connectors'][number];
type OpcuaConfig = Extract<ConnectorConfig, { kind: 'opcua' }>;
type ModbusConfig = Extract<ConnectorConfig, { kind: 'modbus' }>;
type MqttConfig = Extract<ConnectorConfig, { kind: 'mqtt-broker' }>;

/** Tags of one connector: how many come with each interval, ms (0: not known), and whether there are others. */
interface Counted {
  readonly byInterval: readonly (readonly [intervalMs: number, tags: number])[];
  readonly others: boolean;
}

/** Samples that the connectors of a configuration bring: by the sampling intervals where they are known, else one a second for each tag. */
export function expectedLoad({ connectors }: Pick<Config, 'connectors'>): ExpectedLoad {
  let tags = 0;
  let samplesPerSecond = 0;
  let assumedTags = 0;
  const uncounted: string[] = [];
  for (const connector of connectors) {
    const { byInterval, others } = countOf(connector);
    if (others) uncounted.push(connector.name);
    for (const [intervalMs, count] of byInterval) {
      tags += count;
      if (intervalMs === 0) assumedTags += count;
      samplesPerSecond += count / ((intervalMs === 0 ? 1000 : intervalMs) / 1000);
    }
  }
  return { tags, samplesPerSecond, assumedTags, uncounted };
}

function countOf(connector: ConnectorConfig): Counted {
  switch (connector.kind) {
    case 'opcua':
      return opcuaTags(connector);
    case 'modbus':
      return modbusTags(connector);
    case 'mqtt-broker':
      return mqttTags(connector);
  }
}

/** A server sends at most one value in a sampling interval; with 0 it is each change. */
function opcuaTags({ nodes = [], browse, defaults }: OpcuaConfig): Counted {
  return { byInterval: [[defaults.sampling, nodes.length]], others: browse !== undefined };
}

function modbusTags({ units }: ModbusConfig): Counted {
  const byInterval = units.flatMap(({ device: { groups, points } }) => {
    const [first = ''] = Object.keys(groups);
    return Object.values(points).map(({ group = first }) => [groups[group] ?? 0, 1] as const);
  });
  return { byInterval, others: false };
}

/** What has a wildcard in its topic or in its paths may be any number of tags. */
function mqttTags({ topics }: MqttConfig): Counted {
  let count = 0;
  let others = false;
  for (const { match, tag, fields } of topics) {
    const paths = Object.keys(fields ?? {});
    const open =
      /[+#]/.test(match) || (tag === undefined && fields === undefined) || paths.some((path) => path.includes('*'));
    if (open) others = true;
    else count += (tag === undefined ? 0 : 1) + paths.length;
  }
  return { byInterval: [[0, count]], others };
}
