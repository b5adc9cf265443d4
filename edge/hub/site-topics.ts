import { Fault } from '../core/fault.ts';
import { HISTORY_TOPICS } from '../core/topics.ts';

/** A site, and the prefix that the broker's ACLs let its gateway alone write to: `northmill.` for `northmill.samples`. */
export interface SiteSource {
  readonly site: string;
  readonly prefix: string;
}

/** Where a gateway puts on record what it was told to erase. */
const EVENTS = 'events';

/** Which site a mirrored topic is of. */
export class SiteTopics {
  private readonly sites = new Map<string, string>();

  /** Throws `config-invalid` where two sites could write to one topic. */
  constructor(sources: readonly SiteSource[]) {
    for (const { site, prefix } of sources) {
      for (const topic of [...HISTORY_TOPICS, EVENTS]) {
        const name = `${prefix}${topic}`;
        const other = this.sites.get(name);
        if (other !== undefined)
          throw new Fault(
            'config-invalid',
            `The topic ${name} would be of ${other} and of ${site}: give each site a prefix of its own.`,
          );
        this.sites.set(name, site);
      }
    }
  }

  /** Names of all topics that can be consumed. Members of a group get them in turns: events, of which there are few, come last, so that no member has nothing but them. */
  get names(): string[] {
    const names = [...this.sites.keys()];
    return [...names.filter((name) => !this.isEvents(name)), ...names.filter((name) => this.isEvents(name))];
  }

  /** The site whose gateway alone may write to the topic. Never taken from a record: whoever may write one could name any site. */
  siteOf(topic: string): string | undefined {
    return this.sites.get(topic);
  }

  /** Whether it is the topic of a site's events. */
  isEvents(topic: string): boolean {
    return this.sites.has(topic) && topic.endsWith(EVENTS);
  }

  /** Another topic of the same gateway as these events. */
  sibling(events: string, topic: string): string {
    return `${events.slice(0, -EVENTS.length)}${topic}`;
  }

  /** Sites of whose samples no topic is among these, and sites whose events are not: what their gateways erase stays here. */
  lacking(topics: readonly string[]): { readonly samples: string[]; readonly events: string[] } {
    const found = new Set(topics);
    const sitesWith = (isMeant: (topic: string) => boolean): Set<string> =>
      new Set([...this.sites].flatMap(([topic, site]) => (found.has(topic) && isMeant(topic) ? [site] : [])));
    const samples = sitesWith((topic) => !this.isEvents(topic));
    const events = sitesWith((topic) => this.isEvents(topic));
    const all = [...new Set(this.sites.values())];
    return { samples: all.filter((site) => !samples.has(site)), events: all.filter((site) => !events.has(site)) };
  }
}
