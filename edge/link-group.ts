import type { Logger } from 'pino';
import { LinkClient } from '../sync/link/client.ts';
import { linkView, verifySteps } from './api/link-views.ts';
import type { LinkStatus, VerifyStep } from './api/services.ts';
import type { LinkConfig } from './config/schema.ts';
import { Fault } from './core/fault.ts';
import type { Log } from './core/log.ts';
import type { TopicGap } from './core/reader.ts';
import type { LinkPositions } from './link-positions.ts';
import type { Part } from './supervise.ts';
import { version } from './version.ts';

/** What the links are made with. */
export interface LinkGroupOptions {
  readonly links: readonly LinkConfig[];
  readonly log: Log;
  readonly logger: Logger;
  /** How far they had come before the start. */
  readonly positions: LinkPositions;
  /** A link meets records that the log does not have. */
  readonly onGap?: (consumer: string, gap: TopicGap) => void;
}

const NO_DESTINATION = 'no destination';

/** All links of a gateway. One without a destination mirrors nothing, and says so. */
export class LinkGroup {
  private readonly options: LinkGroupOptions;
  private readonly clients = new Map<string, LinkClient>();

  constructor(options: LinkGroupOptions) {
    this.options = options;
  }

  /** A part for each link that has a destination, by its name in metrics and logs. */
  parts(): [name: string, part: Part][] {
    const { log, links, logger, onGap } = this.options;
    const { logId } = log.state.identity;
    return links.flatMap((link) => {
      const { to } = link;
      if (to === undefined) return [];
      let before = '';
      const client = new LinkClient({
        link: { ...link, to },
        logFolder: log.folder,
        ends: log.ends,
        logId,
        softwareVersion: version,
        onGap: (gap) => onGap?.(`link/${link.name}`, gap),
        onStatus({ state, detail }) {
          if (state !== before) logger.info({ link: link.name, detail }, state);
          before = state;
        },
      });
      this.clients.set(link.name, client);
      return [[`link/${link.name}`, client] as [string, Part]];
    });
  }

  /** State of each link, in the order of the configuration. */
  statuses(): LinkStatus[] {
    const { links, log } = this.options;
    return links.map((link) => {
      const client = this.clients.get(link.name);
      return client === undefined ? noDestination(link, (topic) => log.ends.end(topic)) : linkView(client.status());
    });
  }

  /** The links that have a destination, with the topics that they mirror. */
  mirrored(): { readonly name: string; readonly topics: readonly string[] }[] {
    return this.options.links.filter(({ name }) => this.clients.has(name));
  }

  /** How far each link that has a destination has mirrored its topics; null: that was never known. One without holds nothing. */
  holds(): Record<string, Record<string, number | null>> {
    const { links, positions } = this.options;
    const holds: Record<string, Record<string, number | null>> = {};
    for (const { to, ...link } of links) {
      const client = this.clients.get(link.name);
      if (to === undefined || client === undefined) continue;
      const identity = { ...link, to };
      const offsets: Record<string, number | null> = {};
      for (const { topic, mirrored } of client.status().topics) {
        if (mirrored !== undefined) positions.note(identity, topic, mirrored);
        offsets[topic] = mirrored ?? positions.of(identity, topic);
      }
      holds[link.name] = offsets;
    }
    return holds;
  }

  /** Compares both ends of a link. Throws `link-unknown`, `link-without-destination`. */
  verify(name: string, signal: AbortSignal): AsyncIterable<VerifyStep> {
    if (!this.options.links.some((link) => link.name === name)) throw new Fault('link-unknown', name);
    const client = this.clients.get(name);
    if (client === undefined) throw new Fault('link-without-destination', name);
    return verifySteps((ending, onProgress) => client.verify(ending, onProgress), signal);
  }
}

/** A link that has nowhere to go: all of its topics wait. */
export function noDestination({ name, topics, prefix }: LinkConfig, endOf: (topic: string) => number): LinkStatus {
  const detail = 'Give it brokers to mirror to.';
  return {
    name,
    state: NO_DESTINATION,
    detail,
    brokers: [],
    topics: topics.map((topic) => {
      const state = { state: NO_DESTINATION, detail, warnings: [] };
      return { topic, destination: prefix + topic, ...state, end: endOf(topic), mirrored: null, lag: endOf(topic) };
    }),
  };
}
