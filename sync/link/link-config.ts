import type { Address } from '../kafka/address.ts';

/** Configuration of one link, as it was checked. */
export interface LinkConfig {
  readonly name: string;
  readonly to: { readonly brokers: readonly Address[] };
  /** Topics of the log. */
  readonly topics: readonly string[];
  /** Stands before the name of the topic at the destination. */
  readonly prefix: string;
}

/** Partition of every mirrored topic, at both ends. */
export const PARTITION = 0;

/** Name of a topic's mirror. */
export function destinationOf(link: LinkConfig, topic: string): string {
  return link.prefix + topic;
}

/** The id by which a second gateway with the same log is fenced. It is given to InitProducerId alone: the batches are no transactions. */
export function transactionalIdOf(logId: string, link: LinkConfig, topic: string): string {
  return `millrace-${logId}-${link.name}-${topic}-${PARTITION}`;
}
