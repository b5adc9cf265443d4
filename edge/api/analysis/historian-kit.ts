import { HistorianClient } from '../../../historian/client.ts';
import { batchOf, LOG, type Tagged } from '../../../historian/kit/history-kit.ts';
import { LogFolder, type OpenLog } from '../../core/kit/log-kit.ts';
import type { TagType } from '../../core/sample.ts';
import type { KnownTags } from '../../tags/near-tag.ts';
import { historianBuckets, pathsOf, samplePages } from '../historian-pages.ts';
import type { ApiServer } from '../server.ts';
import type { BucketsQuery, HistoryQuery } from '../services.ts';
import { MemoryServices, serverOf } from '../services-kit.ts';
import { historianFrames } from './frames.ts';
import type { FramesQuery } from './frames-request.ts';
import type { TableQuery } from './request.ts';
import { historianTables } from './table-pages.ts';

/** Waits until something is so, and fails after a while. */
type WaitFor = (what: string, isSo: () => boolean) => Promise<unknown>;

/** For tests: a log, the historian in its worker, and HTTP in front of it. */
export class HistorianServer implements AsyncDisposable {
  readonly folder = new LogFolder();
  readonly log: OpenLog = this.folder.open();
  readonly client = new HistorianClient({
    logFolder: this.folder.log,
    folder: `${this.folder.data}/historian`,
    ends: this.log.ends,
    logId: LOG.logId,
  });
  /** Types of tags that are not double. */
  readonly types = new Map<string, TagType>();
  readonly services = new HistorianServices(this.client, this.types);
  readonly api: ApiServer = serverOf(this.services);

  /** Starts it with these samples, half of them in a file. */
  static async with(samples: readonly Tagged[], waitFor: WaitFor): Promise<HistorianServer> {
    const server = new HistorianServer();
    await server.client.start();
    const half = Math.ceil(samples.length / 2);
    await server.append(samples.slice(0, half), waitFor);
    await server.client.flush();
    await server.append(samples.slice(half), waitFor);
    return server;
  }

  private async append(samples: readonly Tagged[], waitFor: WaitFor): Promise<void> {
    for (let at = 0; at < samples.length; at += 4000) {
      const part = samples.slice(at, at + 4000);
      this.log.writer.append([{ topic: 'samples', batch: batchOf(part, 0), records: part.length }]);
    }
    await waitFor('the historian to have caught up', () => this.client.state().lagSamples === 0);
  }

  async get(url: string, accept = 'application/json'): Promise<{ status: number; body: string }> {
    const answer = await this.api.inject({ method: 'GET', url, headers: { accept } });
    return { status: answer.statusCode, body: answer.body };
  }

  async json(url: string): Promise<unknown> {
    return JSON.parse((await this.get(url)).body);
  }

  async csv(url: string): Promise<string> {
    return (await this.get(url, 'text/csv')).body;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.api.close();
    if (this.client.state().running) await this.client.stop();
    this.log.writer.close();
    this.folder[Symbol.dispose]();
  }
}

/** What a gateway answers about history; every path below `plant` is a tag. */
class HistorianServices extends MemoryServices {
  private readonly client: HistorianClient;
  private readonly dictionary: KnownTags;

  constructor(client: HistorianClient, types: ReadonlyMap<string, TagType>) {
    super();
    this.client = client;
    const entry = { id: 1, unit: null, class: 'standard', connector: 'floor', source: 'pump', createdUs: 0 } as const;
    this.dictionary = {
      all: () => [],
      find: (path) => (path.startsWith('plant/') ? { ...entry, path, type: types.get(path) ?? 'double' } : undefined),
    };
  }

  override samplePages(query: HistoryQuery) {
    return samplePages(this.client, this.dictionary, query);
  }

  override buckets(query: BucketsQuery) {
    return historianBuckets(this.client, this.dictionary, query);
  }

  override tables(query: TableQuery) {
    return historianTables(this.client, this.dictionary, this.calendar, query);
  }

  override frames(query: FramesQuery) {
    return historianFrames(this.client, this.dictionary, query);
  }

  override paths(tags: readonly string[]): readonly string[] {
    return pathsOf(this.dictionary, tags);
  }
}
