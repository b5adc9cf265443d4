import {
  AttributeIds,
  MonitoringMode,
  type NodeId,
  type StatusCode,
  StatusCodes,
  TimestampsToReturn,
} from 'node-opcua-client';
import type { TagClass } from '../../edge/core/topics.ts';
import { browse, type LeftOut } from './browse.ts';
import type { OpcuaConfig } from './config.ts';
import type { Session } from './connect.ts';
import type { OpcuaLimits } from './limits.ts';
import { nodeIdText, parseNodeId, resolveNodeId } from './node-id.ts';
import type { ServerFacts } from './server-facts.ts';

/** A node that is monitored, or should be. Its place in the list is its client handle. */
export interface Item {
  /** As in the configuration: `nsu=…`. */
  readonly address: string;
  readonly tag: string;
  readonly unit: string | undefined;
  readonly class: TagClass | undefined;
  /** Undefined: the server does not have the namespace. */
  readonly nodeId: NodeId | undefined;
}

/** An item of which the server will send nothing, and why. */
export interface Refusal {
  readonly item: Item;
  readonly statusCode: number;
  readonly reason: string;
}

/** All items of the configuration, and what browsing left out. Explicit nodes come first; a tag that two nodes want belongs to the first. */
export async function listItems(
  session: Session,
  config: OpcuaConfig,
  facts: ServerFacts,
  limits: OpcuaLimits,
): Promise<{ items: Item[]; leftOut: LeftOut[] }> {
  const items: Item[] = [];
  const leftOut: LeftOut[] = [];
  const byTag = new Map<string, string>();
  const nodes = new Set<string>();
  const add = (item: Item): void => {
    const other = byTag.get(item.tag);
    if (other === undefined) {
      byTag.set(item.tag, item.address);
      items.push(item);
    } else leftOut.push({ address: item.address, reason: `Its tag ${item.tag} is that of ${other}.` });
  };
  for (const { id, tag, unit, class: tagClass } of config.nodes ?? []) {
    const name = parseNodeId(id);
    const nodeId = name === undefined ? undefined : resolveNodeId(name, facts.namespaces);
    if (nodeId !== undefined) nodes.add(nodeId.toString());
    add({ address: id, tag, unit, class: tagClass, nodeId });
  }
  if (config.browse === undefined) return { items, leftOut };
  const harvest = await browse(session, config.browse, facts, limits);
  for (const { nodeId, tag } of harvest.found) {
    // What is configured by itself keeps the tag that it has there.
    if (nodes.has(nodeId.toString())) continue;
    const address = nodeIdText(nodeId, facts.namespaces);
    add({ address, tag, unit: undefined, class: config.browse.class, nodeId });
  }
  leftOut.push(...harvest.leftOut);
  return { items, leftOut };
}

/** A subscription as the server made it. */
export interface Subscription {
  readonly id: number;
  /** The longest time between two answers for it, ms. */
  readonly keepAliveMs: number;
}

/**
 * Makes subscriptions and monitored items for all items. What the server refuses for one item stops none of the others. Rejects when the server answers no more or cannot
 * make a subscription.
 */
export async function monitor(
  session: Session,
  items: readonly Item[],
  config: OpcuaConfig,
  facts: ServerFacts,
  limits: OpcuaLimits,
): Promise<{ subscriptions: Subscription[]; refusals: Refusal[] }> {
  const subscriptions: Subscription[] = [];
  const refusals: Refusal[] = [];
  const known: number[] = [];
  for (const [handle, item] of items.entries()) {
    if (item.nodeId !== undefined) known.push(handle);
    else refusals.push(refusalOf(item, StatusCodes.BadNodeIdUnknown, 'the server does not have its namespace'));
  }
  const allowed = facts.maxMonitoredItemsPerCall;
  const atOnce = allowed > 0 ? Math.min(allowed, limits.itemsPerCall) : limits.itemsPerCall;
  for (let i = 0; i < known.length; i += limits.itemsPerSubscription) {
    const handles = known.slice(i, i + limits.itemsPerSubscription);
    const subscription = await subscribe(session, config, limits);
    subscriptions.push(subscription);
    for (let j = 0; j < handles.length; j += atOnce) {
      refusals.push(...(await createItems(session, subscription.id, handles.slice(j, j + atOnce), items, config)));
    }
  }
  return { subscriptions, refusals };
}

async function subscribe(session: Session, config: OpcuaConfig, limits: OpcuaLimits): Promise<Subscription> {
  const { publishing } = config.defaults;
  const requestedMaxKeepAliveCount = Math.max(1, Math.round(limits.keepAliveMs / publishing));
  const { subscriptionId, revisedPublishingInterval, revisedMaxKeepAliveCount } = await session.createSubscription({
    requestedPublishingInterval: publishing,
    requestedMaxKeepAliveCount,
    requestedLifetimeCount: Math.max(3 * requestedMaxKeepAliveCount, Math.ceil(limits.lifetimeMs / publishing)),
    maxNotificationsPerPublish: limits.notificationsPerPublish,
    publishingEnabled: true,
    priority: 0,
  });
  return { id: subscriptionId, keepAliveMs: revisedPublishingInterval * revisedMaxKeepAliveCount };
}

async function createItems(
  session: Session,
  subscriptionId: number,
  handles: readonly number[],
  items: readonly Item[],
  config: OpcuaConfig,
): Promise<Refusal[]> {
  const { sampling, queue, discard } = config.defaults;
  const { results } = await session.createMonitoredItems({
    subscriptionId,
    timestampsToReturn: TimestampsToReturn.Both,
    itemsToCreate: handles.map((clientHandle) => ({
      itemToMonitor: { nodeId: items[clientHandle]?.nodeId ?? null, attributeId: AttributeIds.Value },
      monitoringMode: MonitoringMode.Reporting,
      requestedParameters: {
        clientHandle,
        samplingInterval: sampling,
        queueSize: queue,
        discardOldest: discard === 'oldest',
      },
    })),
  });
  return handles.flatMap((handle, i) => {
    const item = items[handle];
    const status = results?.[i]?.statusCode;
    if (item === undefined || status?.isGoodish() === true) return [];
    return [
      refusalOf(item, status ?? StatusCodes.BadUnexpectedError, status === undefined ? 'no answer' : status.name),
    ];
  });
}

function refusalOf(item: Item, status: StatusCode, reason: string): Refusal {
  return { item, statusCode: status.value, reason };
}
