import { once } from 'node:events';
import { connect, createServer, type Server, type Socket } from 'node:net';

/** Key of Produce in the header of a request. */
const PRODUCE = 0;

/** One connection through the relay. */
interface Pair {
  readonly client: Socket;
  readonly broker: Socket;
  /** What the client sent while the line was held; undefined: the line is open. */
  held: Buffer[] | undefined;
  /** Whether the broker's answers get lost. */
  mute: boolean;
}

/**
 * A slow line between a client and a broker whose advertised address is the relay's: what was sent stays on its way, also when its sender is dead,
 * and arrives when the test wants it to.
 */
export class Relay {
  readonly host = '127.0.0.1';
  port = 0;
  /** Called with the connection's first Produce requests, before they go on; resolves when they may. */
  onProduce: () => Promise<void> = () => Promise.resolve();
  private readonly server: Server = createServer((client) => this.accept(client));
  private readonly pairs = new Set<Pair>();
  private target = 0;

  async start(): Promise<void> {
    this.server.listen(0, this.host);
    await once(this.server, 'listening');
    const address = this.server.address();
    if (address === null || typeof address === 'string') throw new Error('the relay has no port');
    this.port = address.port;
  }

  /** The port to go on to. */
  leadsTo(port: number): void {
    this.target = port;
  }

  private accept(client: Socket): void {
    const broker = connect({ host: this.host, port: this.target });
    const pair: Pair = { client, broker, held: undefined, mute: false };
    this.pairs.add(pair);
    let turn = Promise.resolve();
    const pass = async (before: Promise<void>, chunk: Buffer): Promise<void> => {
      await before;
      if (chunk.length > 6 && chunk.readInt16BE(4) === PRODUCE) await this.onProduce();
      broker.write(chunk);
    };
    client.on('data', (chunk: Buffer) => {
      if (pair.held === undefined) turn = pass(turn, chunk);
      else pair.held.push(chunk);
    });
    broker.on('data', (chunk) => pair.mute || client.write(chunk));
    // The client's end does not end the other side while something is on its way.
    client.on('close', () => pair.held ?? broker.destroy());
    broker.on('close', () => {
      client.destroy();
      this.pairs.delete(pair);
    });
    client.on('error', () => undefined);
    broker.on('error', () => undefined);
  }

  /** From now on what comes on the connections of now stays on its way. */
  hold(): void {
    for (const pair of this.pairs) pair.held ??= [];
  }

  /** From now on no answer comes through on the connections of now. */
  mute(): void {
    for (const pair of this.pairs) pair.mute = true;
  }

  /** Ends the connections of now; what is on its way is lost. */
  cut(): void {
    for (const { client, broker } of this.pairs) {
      client.destroy();
      broker.destroy();
    }
  }

  /** Bytes on their way. */
  get heldBytes(): number {
    return [...this.pairs].reduce(
      (sum, { held = [] }) => sum + held.reduce((bytes, { length }) => bytes + length, 0),
      0,
    );
  }

  /** Lets what is on its way arrive, and resolves when the broker has answered it. */
  async release(): Promise<void> {
    for (const pair of this.pairs) {
      const { held = [], broker } = pair;
      if (held.length === 0) continue;
      const answered = once(broker, 'data');
      for (const chunk of held.splice(0)) broker.write(chunk);
      await answered;
    }
  }

  async stop(): Promise<void> {
    this.server.close();
    this.cut();
    await once(this.server, 'close');
  }
}
