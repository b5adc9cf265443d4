/** Bounds of the connector. Each has a named behaviour, said where it is used. */
export interface OpcuaLimits {
  /** Monitored items of a subscription; for more there are more subscriptions. */
  readonly itemsPerSubscription: number;
  /** Monitored items that are asked for at once, unless the server allows fewer. */
  readonly itemsPerCall: number;
  /** Notifications in one answer, as asked of the server. */
  readonly notificationsPerPublish: number;
  /** Notifications that were received and are not acknowledged by the host, bytes and number; beyond it no answer is asked for, and the server queues, then overwrites. */
  readonly heldBytes: number;
  readonly heldNotifications: number;
  /** Bytes of one message of the server; beyond it the connection is closed. */
  readonly messageBytes: number;
  /** Nodes that browsing looks at; at the bound it stops, on record. */
  readonly browsedNodes: number;
  /** Levels below the node at which it begins; what lies deeper is left out, on record. */
  readonly browseDepth: number;
  /** Nodes in one browse request, unless the server allows fewer. */
  readonly browsePerCall: number;
  /** References of one node in one answer; the others come with continuation points. */
  readonly referencesPerNode: number;
  /** Time for a connection to stand, and for a request to be answered, ms; then the connection counts as lost. */
  readonly connectMs: number;
  readonly requestMs: number;
  /** How often the server is asked whether it is there, ms. */
  readonly keepAliveMs: number;
  /** How long the server keeps session and subscriptions although nothing is asked of it, ms, as asked of the server. */
  readonly lifetimeMs: number;
  /** Time for a clean farewell, ms. */
  readonly closeMs: number;
}

const MiB = 1024 * 1024;

export const OPCUA_LIMITS: OpcuaLimits = {
  itemsPerSubscription: 5_000,
  itemsPerCall: 1_000,
  notificationsPerPublish: 1_000,
  heldBytes: 32 * MiB,
  heldNotifications: 100_000,
  messageBytes: 16 * MiB,
  browsedNodes: 50_000,
  browseDepth: 32,
  browsePerCall: 100,
  referencesPerNode: 1_000,
  connectMs: 5_000,
  requestMs: 10_000,
  keepAliveMs: 5_000,
  lifetimeMs: 600_000,
  closeMs: 3_000,
};
