import http from 'node:http';

/** What is sent beside the address. */
interface Sent {
  readonly accept?: string;
  readonly body?: Uint8Array | undefined;
  readonly signal?: AbortSignal;
  /** Where the answer is to lie; left out: in memory of its own. */
  readonly room?: AnswerRoom;
}

/** Memory for one answer after the other: what one has left is valid until the next one comes. */
export class AnswerRoom {
  private memory = Buffer.allocUnsafeSlow(64 * 1024);
  private length = 0;

  /** Forgets the answer before. */
  clear(): void {
    this.length = 0;
  }

  /** Adds bytes of the answer. */
  add(part: Uint8Array): void {
    const end = this.length + part.length;
    if (end > this.memory.length) {
      const larger = Buffer.allocUnsafeSlow(Math.max(this.memory.length * 2, end));
      larger.set(this.memory.subarray(0, this.length));
      this.memory = larger;
    }
    this.memory.set(part, this.length);
    this.length = end;
  }

  /** The answer so far. */
  get bytes(): Buffer {
    return this.memory.subarray(0, this.length);
  }
}

/** An answer whose last byte has come. */
export interface Received {
  readonly status: number;
  readonly bytes: Buffer;
}

/** Asks a server over a few connections that stay open. Plain `node:http`: what a client does beside it (`fetch` takes a millisecond for half a megabyte) would count for the server. */
export class HttpConnection {
  private readonly agent: http.Agent;

  constructor(connections = 1) {
    this.agent = new http.Agent({ keepAlive: true, maxSockets: connections });
  }

  /** GET, or POST where there is a body. Rejects with the error of the socket. */
  ask(url: string, { accept, body, signal, room = new AnswerRoom() }: Sent = {}): Promise<Received> {
    const { promise, resolve, reject } = Promise.withResolvers<Received>();
    const request = http.request(
      url,
      {
        agent: this.agent,
        method: body === undefined ? 'GET' : 'POST',
        headers: accept === undefined ? {} : { accept },
        ...(signal === undefined ? {} : { signal }),
      },
      (response) => {
        room.clear();
        response.on('data', (part: Buffer) => room.add(part));
        response.on('error', reject);
        response.on('end', () => resolve({ status: response.statusCode ?? 0, bytes: room.bytes }));
      },
    );
    request.on('error', reject);
    request.end(body);
    return promise;
  }

  close(): void {
    this.agent.destroy();
  }
}
