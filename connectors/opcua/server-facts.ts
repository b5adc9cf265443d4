import { AttributeIds, DataType, resolveNodeId } from 'node-opcua-client';
import type { Session } from './connect.ts';

/** What a server says about itself. */
export interface ServerFacts {
  /** URIs by namespace index, as they are now. */
  readonly namespaces: readonly string[];
  /** Most that one request may carry; 0: the server names no limit. */
  readonly maxMonitoredItemsPerCall: number;
  readonly maxNodesPerBrowse: number;
}

// Well-known nodes (OPC UA Part 6, annex A).
const NAMESPACE_ARRAY = 'i=2255';
const MAX_NODES_PER_BROWSE = 'i=11710';
const MAX_MONITORED_ITEMS_PER_CALL = 'i=11714';
const STATE = 'i=2259';

/** Reads them: namespaces and the limits of its operations, which a server need not have. */
export async function readServerFacts(session: Session): Promise<ServerFacts> {
  const [array, browse, items] = await session.read(
    [NAMESPACE_ARRAY, MAX_NODES_PER_BROWSE, MAX_MONITORED_ITEMS_PER_CALL].map(valueOf),
  );
  const namespaces: unknown = array?.value.value;
  return {
    namespaces: Array.isArray(namespaces) ? namespaces.map(String) : [],
    maxNodesPerBrowse: limitOf(browse?.value),
    maxMonitoredItemsPerCall: limitOf(items?.value),
  };
}

/** Rejects when the server does not answer. */
export async function askWhetherAlive(session: Session): Promise<void> {
  await session.read(valueOf(STATE));
}

function valueOf(id: string): { nodeId: ReturnType<typeof resolveNodeId>; attributeId: AttributeIds } {
  return { nodeId: resolveNodeId(id), attributeId: AttributeIds.Value };
}

function limitOf(variant: { readonly dataType: DataType; readonly value: unknown } | undefined): number {
  return typeof variant?.value === 'number' && variant.dataType === DataType.UInt32 ? variant.value : 0;
}
