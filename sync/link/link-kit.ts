import { setTimeout as delay } from 'node:timers/promises';
import { type Clock, systemClock } from '../../edge/core/clock.ts';
import { parseAddress } from '../kafka/address.ts';
import { Link } from './link.ts';
import type { LinkConfig } from './link-config.ts';
import type { LinkStatus, MirrorState, TopicStatus } from './status.ts';
import type { TestLog } from './log-kit.ts';
import { defaultTiming, type Timing } from './timing.ts';
import { type VerifyResult, verifyLink } from './verify.ts';

export interface TestLinkOptions {
  readonly log: TestLog;
  /** `host:port`. */
  readonly brokers: string;
  readonly prefix: string;
  readonly topics?: readonly string[];
  readonly logId?: string;
  readonly timing?: Partial<Timing>;
  readonly clock?: Clock;
}

/** Configuration of a link named `cloud`. */
export function linkTo(brokers: string, prefix: string, topics: readonly string[] = ['samples']): LinkConfig {
  return { name: 'cloud', to: { brokers: [parseAddress(brokers)] }, topics, prefix };
}

/** A link on the thread of the test; disposing of it stops it as the gateway does. */
export class TestLink {
  readonly config: LinkConfig;
  readonly link: Link;
  private readonly log: TestLog;
  private readonly stopping = new AbortController();
  private readonly ended: Promise<void>;

  constructor({ log, brokers, prefix, topics, logId = log.logId, timing, clock = systemClock() }: TestLinkOptions) {
    this.log = log;
    this.config = linkTo(brokers, prefix, topics);
    const context = {
      link: this.config,
      logFolder: log.folder,
      logId,
      ends: log.ends,
      softwareVersion: 'test',
      clock,
      random: Math.random,
      timing: { ...defaultTiming, ...timing },
    };
    this.link = new Link(context, false);
    this.ended = this.link.run(this.stopping.signal);
    this.ended.catch(() => undefined); // told by `stop`
  }

  get status(): LinkStatus {
    return this.link.status();
  }

  /** Of the only topic. */
  get topic(): TopicStatus {
    const [topic] = this.status.topics;
    if (topic === undefined) throw new Error('the link has no topic');
    return topic;
  }

  reaches(state: MirrorState, limitMs?: number): Promise<void> {
    return this.until(`the link is ${state}`, () => this.status.state === state, limitMs);
  }

  /** Everything that is durable now is at the destination. */
  async catchesUp(limitMs?: number): Promise<void> {
    const ends = this.status.topics.map(({ sourceEnd }) => sourceEnd);
    const isDone = (): boolean => this.status.topics.every(({ mirrored }, i) => (mirrored ?? -1) >= (ends[i] ?? 0));
    await this.until('the link has caught up', () => isDone() || this.status.state === 'failed', limitMs);
    if (!isDone()) throw new Error(`the link has failed: ${this.tell()}`);
  }

  async until(what: string, condition: () => boolean, limitMs = 30_000): Promise<void> {
    const endMs = performance.now() + limitMs;
    while (!condition()) {
      if (performance.now() > endMs) throw new Error(`not within ${limitMs} ms: ${what}: ${this.tell()}`);
      await delay(5);
    }
  }

  private tell(): string {
    return JSON.stringify(this.status, null, 1);
  }

  verify(): Promise<VerifyResult[]> {
    const { config: link, log } = this;
    const signal = AbortSignal.timeout(60_000);
    return verifyLink({ link, logFolder: log.folder, ends: log.ends, softwareVersion: 'test', signal });
  }

  async stop(): Promise<void> {
    this.stopping.abort();
    await this.ended;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop();
  }
}
