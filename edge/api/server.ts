import type { IncomingMessage, RequestListener, ServerResponse } from 'node:http';
import { Readable } from 'node:stream';
import {
  fastify,
  type FastifyReply,
  type FastifyRequest,
  type InjectOptions,
  type LightMyRequestResponse,
  LogController,
} from 'fastify';
import type { Logger } from 'pino';
import { type Address, formatAddress } from '../config/address.ts';
import { Fault, messageOf } from '../core/fault.ts';
import { DASHBOARD_PAGE, DashboardFiles, PAGE_HEADERS } from './dashboard-files.ts';
import { checkFetchSite, checkHost } from './host-check.ts';
import { KnownAddresses, refusalOf } from './known-addresses.ts';
import { formOf, takesForms } from './prometheus/form.ts';
import { PROBLEM_MEDIA_TYPE, problemOf } from './problem.ts';
import type { Answer, Route } from './route.ts';
import { version } from '../version.ts';
import { allRoutes } from './routes.ts';
import type { Services } from './services.ts';

/** Bounds of the server. */
const BODY_LIMIT_BYTES = 64 * 1024;
/** Room for the tags of a history request. */
const MAX_HEADER_BYTES = 64 * 1024;
/** A request must have come in whole after this; an answer may take any time. */
const REQUEST_TIMEOUT_MS = 30_000;
const KEEP_ALIVE_MS = 5000;
const MAX_CONNECTIONS = 512;

/** Of every answer. Pages of others may neither guess at an answer's type nor embed it. */
const STANDARD_HEADERS = {
  'cache-control': 'no-store',
  'x-content-type-options': 'nosniff',
  'cross-origin-resource-policy': 'same-origin',
};

/** Why what was asked for is given up, or over. Made once: an exception for each answer takes a tenth of a millisecond. */
const GONE = new DOMException('The asker has gone.', 'AbortError');

export interface ApiServerOptions {
  readonly services: Services;
  readonly logger: Logger;
  /** Where `listen` listens; its host is also a name by which the gateway may be called besides the loopback ones. */
  readonly listen: Address;
}

/** The HTTP API: on TCP, where Host and Origin are checked, and on a socket that only the gateway's own user can open. */
export class ApiServer {
  private readonly options: ApiServerOptions;
  private readonly trusted = new WeakSet<IncomingMessage>();
  private app: ReturnType<typeof build> | undefined;

  constructor(options: ApiServerOptions) {
    this.options = options;
  }

  /** Answers requests of the gateway's own socket (for `DataLock.serve`), without a check of Host: no browser gets there. */
  async handler(): Promise<RequestListener> {
    const app = await this.ready();
    return (request: IncomingMessage, response: ServerResponse) => {
      this.trusted.add(request);
      app.routing(request, response);
    };
  }

  /** Listens on TCP and returns the address, with the real port where 0 was asked for. Throws `listen-failed`. */
  async listen(): Promise<Address> {
    const { host, port } = this.options.listen;
    const app = await this.ready();
    try {
      await app.listen({ host, port });
    } catch (error) {
      throw new Fault('listen-failed', `${formatAddress({ host, port })}: ${messageOf(error)}`, { cause: error });
    }
    const bound = app.server.address();
    return { host, port: typeof bound === 'object' && bound !== null ? bound.port : port };
  }

  /** Answers a request without a network, as if it came by TCP: for tests. */
  async inject(request: InjectOptions): Promise<LightMyRequestResponse> {
    return (await this.ready()).inject(request);
  }

  /** Stops listening; requests under way are cut off. */
  async close(): Promise<void> {
    await this.app?.close();
  }

  private async ready(): Promise<ReturnType<typeof build>> {
    this.app ??= build(this.options, this.trusted);
    await this.app.ready();
    return this.app;
  }
}

function build({ services, logger, listen }: ApiServerOptions, trusted: WeakSet<IncomingMessage>) {
  const app = fastify({
    loggerInstance: logger,
    logController: new LogController({ disableRequestLogging: true }),
    bodyLimit: BODY_LIMIT_BYTES,
    requestTimeout: REQUEST_TIMEOUT_MS,
    keepAliveTimeout: KEEP_ALIVE_MS,
    forceCloseConnections: true,
    http: { maxHeaderSize: MAX_HEADER_BYTES },
    frameworkErrors: (error, request, reply) => void sendProblem(error, request, reply),
  });
  app.server.maxConnections = MAX_CONNECTIONS;
  const addresses = new KnownAddresses();
  app.addHook('onRoute', ({ url, method }) => addresses.add(url, method));
  app.addHook('onRequest', async (request, reply) => {
    reply.headers(STANDARD_HEADERS);
    if (trusted.has(request.raw)) return;
    checkHost(request.headers.host, request.headers.origin, listen.host);
    const { 'sec-fetch-site': site, 'sec-fetch-mode': mode } = request.headers;
    checkFetchSite(site?.toString(), mode?.toString(), request.method);
  });
  app.setErrorHandler(sendProblem);
  // Before its body is read: there is nothing that could take it.
  app.addHook('onRequest', async (request, reply) => {
    if (!request.is404) return;
    const methods = addresses.methodsOf(request.url);
    if (methods.length > 0) reply.header('allow', methods.join(', '));
    throw refusalOf(request.method, request.url, methods);
  });
  // A form of another page can send text, but no JSON.
  app.removeContentTypeParser('text/plain');
  app.addContentTypeParser('application/x-www-form-urlencoded', { parseAs: 'string' }, (request, body, done) => {
    if (takesForms(request.url)) done(null, formOf(body.toString()));
    else
      done(Object.assign(new Error('The body is no JSON: send content-type: application/json.'), { statusCode: 415 }));
  });
  const files = new DashboardFiles();
  app.get('/', (request, reply) => sendFile(DASHBOARD_PAGE, files, request, reply));
  app.get<{ Params: { name: string } }>('/assets/:name', (request, reply) =>
    sendFile(request.params.name, files, request, reply),
  );
  for (const route of allRoutes(version)) {
    app.route({
      method: route.method,
      url: route.path.replaceAll(/\{(\w+)\}/g, ':$1'),
      handler: (request, reply) => handle(route, services, request, reply),
    });
  }
  return app;
}

async function handle(route: Route, services: Services, request: FastifyRequest, reply: FastifyReply) {
  const gone = new AbortController();
  reply.raw.once('close', () => gone.abort(GONE));
  const answer = await route.handle({
    query: request.query,
    params: request.params,
    body: request.body,
    accept: request.headers.accept,
    signal: gone.signal,
    services,
  });
  return send(answer, reply);
}

/** A file of the dashboard, or only that it has not changed. */
function sendFile(name: string, files: DashboardFiles, request: FastifyRequest, reply: FastifyReply): FastifyReply {
  const file = files.file(name);
  if (file === undefined) throw new Fault('not-found', `/assets/${name.slice(0, 200)}`);
  reply.headers({ ...PAGE_HEADERS, etag: file.etag });
  if (request.headers['if-none-match'] === file.etag) return reply.code(304).send();
  return reply.type(file.mediaType).send(file.body);
}

async function send(answer: Answer, reply: FastifyReply): Promise<FastifyReply> {
  const { status = 200, mediaType, body, trailer, trailers = trailer === undefined ? [] : [trailer] } = answer;
  if (typeof body === 'string') return reply.code(status).type(mediaType).send(body);
  // What fails before the first piece still becomes a problem document.
  const pieces = body[Symbol.asyncIterator]();
  const first = await pieces.next();
  // HTTP/1.0 has none.
  for (const each of reply.request.raw.httpVersionMinor > 0 ? trailers : [])
    reply.trailer(each.name, (_reply, _body, done) => done(null, each.value()));
  return reply
    .code(status)
    .type(mediaType)
    .send(Readable.from(resumed(first, pieces)));
}

async function* resumed(
  first: IteratorResult<string | Uint8Array>,
  rest: AsyncIterator<string | Uint8Array>,
): AsyncGenerator<string | Uint8Array> {
  try {
    for (let piece = first; piece.done !== true; piece = await rest.next()) yield piece.value;
  } finally {
    await rest.return?.();
  }
}

/** Faults become their problem documents; errors of HTTP keep their status; anything else is an error of the gateway's own and goes to its log. */
function sendProblem(error: unknown, request: FastifyRequest, reply: FastifyReply): FastifyReply {
  const status = (error as { statusCode?: unknown }).statusCode;
  const isRequestError = typeof status === 'number' && status >= 400 && status < 500;
  const fault =
    error instanceof Fault
      ? error
      : new Fault(isRequestError ? 'request-invalid' : 'internal', messageOf(error), { cause: error });
  const problem = isRequestError ? problemOf(fault, status) : problemOf(fault);
  if (problem.status >= 500 && problem.status !== 503) {
    request.log.error({ err: error, method: request.method, url: request.url }, 'request failed');
  }
  if (problem.status === 429 || problem.status === 503) reply.header('retry-after', '1');
  return (
    reply
      .code(problem.status)
      .type(PROBLEM_MEDIA_TYPE)
      // Bytes: to text the framework would add a charset, which the media type does not have.
      .send(Buffer.from(`${JSON.stringify(problem)}\n`))
  );
}
