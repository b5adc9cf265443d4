import path from 'node:path';
import { DurableEnds } from '../core/durable-ends.ts';
import { Fault } from '../core/fault.ts';
import { openEnds } from '../core/reader.ts';
import type { LogTopic } from '../api/services.ts';
import { gatewayAt, type GatewayClient } from '../lock/gateway-client.ts';
import { topicSizes } from '../log/log-sizes.ts';

/** The log of a data folder for commands that only read: files from the disk, durable ends from the running gateway where there is one. */
export class LogSource {
  readonly folder: string;
  readonly ends: DurableEnds;
  private readonly gateway: GatewayClient | undefined;

  private constructor(folder: string, ends: DurableEnds, gateway: GatewayClient | undefined) {
    this.folder = folder;
    this.ends = ends;
    this.gateway = gateway;
  }

  static async open(dataFolder: string): Promise<LogSource> {
    const folder = path.join(dataFolder, 'log');
    const gateway = await gatewayAt(dataFolder);
    if (gateway === undefined) return new LogSource(folder, openEnds(folder), undefined);
    const topics = await topicsOf(gateway);
    const source = new LogSource(folder, DurableEnds.create(topics.map(({ topic }) => topic)), gateway);
    source.publish(topics);
    return source;
  }

  /** Whether the log may grow while it is read. */
  get live(): boolean {
    return this.gateway !== undefined;
  }

  /** Asks the running gateway how far the log is durable now. */
  async refresh(): Promise<void> {
    if (this.gateway !== undefined) this.publish(await topicsOf(this.gateway));
  }

  /** Topics with their sizes. */
  topics(): LogTopic[] {
    return topicSizes(this.folder, this.ends);
  }

  /** Throws `log-topic-unknown`. */
  mustHave(topic: string): void {
    if (!this.ends.topics.includes(topic)) throw new Fault('log-topic-unknown', `${topic} in ${this.folder}`);
  }

  close(): void {
    this.gateway?.close();
  }

  private publish(topics: readonly LogTopic[]): void {
    for (const { topic, start, end } of topics)
      if (this.ends.topics.includes(topic)) this.ends.publish(topic, end, start);
  }
}

async function topicsOf(gateway: GatewayClient): Promise<LogTopic[]> {
  return ((await gateway.json('/api/v1/log/topics')) as { readonly items: LogTopic[] }).items;
}
