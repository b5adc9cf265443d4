import type { Secret } from '../../edge/core/secret.ts';
import type { TagClass } from '../../edge/core/topics.ts';

/** Security policies that are spoken (OPC UA Part 7); the deprecated ones are not. */
export const POLICIES = ['None', 'Basic256Sha256', 'Aes128_Sha256_RsaOaep', 'Aes256_Sha256_RsaPss'] as const;
type Policy = (typeof POLICIES)[number];
/** Message security modes (OPC UA Part 4, 7.20). */
export const MODES = ['None', 'Sign', 'SignAndEncrypt'] as const;
type Mode = (typeof MODES)[number];

/** Form of a node id (OPC UA Part 6, 5.3.1.11): its namespace is named by URI, because indexes change when a server is configured anew. */
export const NODE_ID =
  /^(?:nsu=[^;]+;)?(?:i=\d{1,10}|s=.+|g=[0-9A-Fa-f]{8}(?:-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}|b=[A-Za-z0-9+/]*={0,2})$/;

/** Configuration of the connector kind `opcua`. */
export interface OpcuaConfig {
  readonly kind: 'opcua';
  readonly name: string;
  /** `opc.tcp://HOST:PORT/PATH`; the first that answers is used. */
  readonly endpoints: readonly string[];
  /** `keep`: the address above is used whatever host name the server returns. There is no other way. */
  readonly endpointHost?: 'keep' | undefined;
  readonly channel: { readonly policy: Policy; readonly mode: Mode };
  readonly identity?: { readonly user: string; readonly password: Secret } | undefined;
  /** Folder of the own certificate and of the trust list; set by the gateway (`data/pki/opcua`), not in the file. */
  readonly pki: string;
  readonly defaults: MonitoringConfig;
  readonly nodes?: readonly NodeConfig[] | undefined;
  readonly browse?: BrowseConfig | undefined;
  /** `ingest`: times of the server are not used (the host's business). */
  readonly time?: 'device' | 'ingest' | undefined;
}

/** How nodes are monitored. */
interface MonitoringConfig {
  /** How often the server looks at a value, ms. */
  readonly sampling: number;
  /** How often it sends what it has seen, ms. */
  readonly publishing: number;
  /** Values that it keeps for a node between two sendings. */
  readonly queue: number;
  /** Which one goes when there are more. */
  readonly discard: 'oldest' | 'newest';
}

/** One node. */
interface NodeConfig {
  /** `nsu=URI;s=NAME` (also `i=`, `g=`, `b=`); without `nsu=` the namespace is that of OPC UA itself. */
  readonly id: string;
  /** Tag below the site. */
  readonly tag: string;
  readonly unit?: string | undefined;
  readonly class?: TagClass | undefined;
}

/** Nodes that are found. */
export interface BrowseConfig {
  /** Where to begin: `Objects` or a node id. */
  readonly from: string;
  /** Patterns for the path below `from`: `*` within a name, `**` for any number of names. */
  readonly include: readonly string[];
  /** Stands before the path in the tag. */
  readonly prefix?: string | undefined;
  /** Of all that is found. */
  readonly class?: TagClass | undefined;
}
