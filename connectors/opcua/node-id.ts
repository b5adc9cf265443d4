import { NodeId } from 'node-opcua-client';
import { NODE_ID } from './config.ts';

/** A node id as the configuration names it: its namespace by URI, because indexes change when a server is configured anew. */
export interface NodeName {
  /** Undefined: the namespace of OPC UA itself. */
  readonly uri: string | undefined;
  readonly kind: 'i' | 's' | 'g' | 'b';
  readonly identifier: string;
}

const PARTS = /^(?:nsu=([^;]+);)?([isgb])=(.*)$/s;
const MAX_NUMBER = 0xffff_ffff;

/** Reads a node id; undefined: it is none. In the URI `%XX` stands for a character (`%3B` for a semicolon). */
export function parseNodeId(text: string): NodeName | undefined {
  if (!NODE_ID.test(text)) return undefined;
  const [, escaped, kind, identifier = ''] = PARTS.exec(text) ?? [];
  if (kind !== 'i' && kind !== 's' && kind !== 'g' && kind !== 'b') return undefined;
  if (kind === 'i' && Number(identifier) > MAX_NUMBER) return undefined;
  const uri = escaped === undefined ? undefined : unescapeUri(escaped);
  return uri === null ? undefined : { uri, kind, identifier };
}

function unescapeUri(text: string): string | null {
  try {
    return decodeURIComponent(text);
  } catch {
    return null;
  }
}

/** The node id for a server whose NamespaceArray this is; undefined: it does not have the namespace. */
export function resolveNodeId({ uri, kind, identifier }: NodeName, namespaces: readonly string[]): NodeId | undefined {
  const namespace = uri === undefined ? 0 : namespaces.indexOf(uri);
  if (namespace < 0) return undefined;
  // Types of identifiers: OPC UA Part 3, 8.2.3.
  if (kind === 'i') return new NodeId(1, Number(identifier), namespace);
  if (kind === 's') return new NodeId(2, identifier, namespace);
  if (kind === 'g') return new NodeId(3, identifier, namespace);
  return new NodeId(4, Buffer.from(identifier, 'base64'), namespace);
}

/** A node id of a server in the form of the configuration. */
export function nodeIdText(nodeId: NodeId, namespaces: readonly string[]): string {
  const { identifierType, namespace, value } = nodeId;
  const kind = (['i', 's', 'g', 'b'] as const)[identifierType - 1] ?? 'i';
  const identifier = value instanceof Uint8Array ? Buffer.from(value).toString('base64') : String(value);
  if (namespace === 0) return `${kind}=${identifier}`;
  const uri = namespaces[namespace] ?? `#${namespace}`;
  return `nsu=${uri.replaceAll('%', '%25').replaceAll(';', '%3B')};${kind}=${identifier}`;
}
