import { once } from 'node:events';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { isFaultName, type FaultState } from './faults.ts';
import { loopback } from './free-port.ts';
import type { Simulation } from './simulation.ts';

/** A finished answer. */
interface Answer {
  readonly status: number;
  readonly body: unknown;
}

const ok = (body: unknown): Answer => ({ status: 200, body });
const refused = (status: number, detail: string): Answer => ({ status, body: { status, detail } });

/**
 * The plant's control port, HTTP on loopback: faults on and off, state, protocols stopped and started. Requests that came through a browser's page or another host name
 * are refused, so that no web page can reach it.
 */
export class Control {
  private readonly simulation: Simulation;
  private readonly server: Server;

  constructor(simulation: Simulation) {
    this.simulation = simulation;
    this.server = createServer((request, response) => {
      this.serve(request, response).catch((error: unknown) =>
        send(response, refused(500, error instanceof Error ? error.message : String(error))),
      );
    });
  }

  /** @param port 0 = any free one. @returns its address */
  async start(port: number): Promise<string> {
    this.server.listen(port, loopback);
    await once(this.server, 'listening');
    const address = this.server.address();
    if (address === null || typeof address === 'string') throw new Error('the control port has no address');
    return `http://${loopback}:${address.port}`;
  }

  async stop(): Promise<void> {
    if (!this.server.listening) return;
    this.server.close();
    this.server.closeAllConnections();
    await once(this.server, 'close');
  }

  private async serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    request.resume();
    send(
      response,
      trusted(request) ? await this.answer(request) : refused(403, 'only for this machine, not for web pages'),
    );
  }

  private async answer(request: IncomingMessage): Promise<Answer> {
    const [place = '', name = '', verb = '', ...rest] = (request.url ?? '/').split('?')[0]?.slice(1).split('/') ?? [];
    const { method = 'GET' } = request;
    if (rest.length > 0) return refused(404, 'no such path');
    if (method === 'GET' && place === 'state' && name === '') return ok(this.simulation.state());
    if (place === 'faults' && verb === '') return this.fault(method, name);
    if (place === 'protocols' && method === 'GET' && name === '') return ok({ items: this.simulation.protocols() });
    if (place === 'protocols' && method === 'POST') return this.protocol(name, verb);
    return refused(404, 'no such path');
  }

  private fault(method: string, name: string): Answer {
    const { plant } = this.simulation;
    if (method === 'GET' && name === '') return ok({ items: plant.faults().map(shown) });
    if (!isFaultName(name)) return refused(404, `no fault is called '${name}'`);
    if (method === 'POST') plant.beginFault(name);
    else if (method === 'DELETE') plant.endFault(name);
    else return refused(405, 'a fault knows POST and DELETE');
    return ok(
      plant
        .faults()
        .filter((fault) => fault.name === name)
        .map(shown)[0],
    );
  }

  private async protocol(name: string, verb: string): Promise<Answer> {
    const server = this.simulation.protocol(name);
    if (server === undefined) return refused(404, `no protocol is called '${name}'`);
    if (verb === 'start') await server.start();
    else if (verb === 'stop') await server.stop();
    else return refused(404, 'a protocol knows start and stop');
    return ok({ name, running: server.running });
  }
}

function shown({ sinceUs, ...fault }: FaultState): unknown {
  return { ...fault, since: sinceUs === null ? null : new Date(sinceUs / 1000).toISOString() };
}

function trusted({ headers }: IncomingMessage): boolean {
  const host = (headers.host ?? '').replace(/:\d+$/, '');
  return headers.origin === undefined && (host === loopback || host === 'localhost');
}

function send(response: ServerResponse, { status, body }: Answer): void {
  response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body));
}
