import { open } from 'node:fs/promises';
import { type Address, formatAddress, parseAddress } from '../../config/address.ts';
import { Fault, messageOf } from '../../core/fault.ts';
import { HttpConnection, type Received } from './http-connection.ts';

/** Bodies under way at once. */
const IN_FLIGHT = 2;

/** Asks one server over HTTP; connections are kept. Throws `bench-failed` with what it answered. */
export class HttpClient {
  private readonly system: string;
  private readonly address: Address;
  private readonly connection = new HttpConnection(IN_FLIGHT);

  /** Throws `usage` where `address` is none. */
  constructor(system: string, address: string) {
    this.system = system;
    const parsed = parseAddress(address);
    if (parsed === undefined || parsed.port === 0)
      throw new Fault('usage', `"${address}" is not the address of a server: host:port.`);
    this.address = parsed;
  }

  /** The answer's text. */
  async ask(
    path: string,
    query: Readonly<Record<string, string>> = {},
    body?: Uint8Array<ArrayBuffer>,
  ): Promise<string> {
    const url = `http://${formatAddress(this.address)}${path}?${new URLSearchParams(query).toString()}`;
    const { status, bytes } = await this.received(url, body);
    const text = bytes.toString();
    if (status >= 300) throw new Fault('bench-failed', `${this.system}: ${status} ${text.slice(0, 500)}`);
    return text;
  }

  private async received(url: string, body: Uint8Array | undefined): Promise<Received> {
    try {
      return await this.connection.ask(url, { body });
    } catch (error) {
      const where = `${this.system} at ${formatAddress(this.address)}`;
      throw new Fault('bench-failed', `${where}: ${messageOf(error)}`, { cause: error });
    }
  }

  async json(path: string, query: Readonly<Record<string, string>> = {}): Promise<unknown> {
    return JSON.parse(await this.ask(path, query)) as unknown;
  }

  /** Posts the parts of a file that end at these places, two at a time, each once and in their order. */
  async postFile(
    path: string,
    query: Readonly<Record<string, string>>,
    { file, ends }: Bodies,
    signal: AbortSignal,
  ): Promise<void> {
    await using handle = await open(file, 'r');
    let next = 0;
    const lane = async (): Promise<void> => {
      while (next < ends.length) {
        const start = ends[next - 1] ?? 0;
        const body = new Uint8Array((ends[next++] ?? 0) - start);
        await handle.read(body, 0, body.length, start);
        await this.ask(path, query, body);
        signal.throwIfAborted();
      }
    };
    await Promise.all(Array.from({ length: IN_FLIGHT }, lane));
  }
}

/** Bodies of requests, back to back in a file. */
export interface Bodies {
  readonly file: string;
  /** Where each ends. */
  readonly ends: readonly number[];
}
