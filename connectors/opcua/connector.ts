import { assert } from '../../edge/core/fault.ts';
import type { Batch, Connector } from '../contract.ts';
import { abortError } from '../inbox.ts';
import type { OpcuaConfig } from './config.ts';

/** The OPC UA client behind a door that loads it when it is opened: the library takes some 80 MB, which threads without such a connector need not have. */
export class OpcuaConnector implements Connector {
  private readonly config: OpcuaConfig;
  private client: Connector | undefined;

  constructor(config: OpcuaConfig) {
    this.config = config;
  }

  /** As `OpcuaClient.open`. */
  async open(signal: AbortSignal): Promise<void> {
    assert(this.client === undefined, 'opened once');
    const { OpcuaClient } = await import('./client.ts');
    this.client = new OpcuaClient(this.config);
    await this.client.open(signal);
  }

  read(): Promise<Batch> {
    return this.client?.read() ?? Promise.reject(abortError('not open'));
  }

  async close(): Promise<void> {
    const { client } = this;
    this.client = undefined;
    await client?.close();
  }
}
