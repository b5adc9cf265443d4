import type { z } from 'zod';
import { Fault, type FaultCode } from '../core/fault.ts';
import type { Services } from './services.ts';

/** What a route's function is called with. */
export interface Call<Query, Params, Body = unknown> {
  readonly query: Query;
  readonly params: Params;
  /** Of JSON; undefined where none was sent. */
  readonly body: Body;
  readonly accept: string | undefined;
  /** Aborted when the asker has gone. */
  readonly signal: AbortSignal;
  readonly services: Services;
}

/** What a route answers. Pieces are sent as they come; an error before the first becomes a problem document, a later one breaks the answer off. */
export interface Answer {
  readonly status?: number;
  readonly mediaType: string;
  readonly body: string | AsyncIterable<string | Uint8Array>;
  /** What is known only when all pieces were sent. */
  readonly trailer?: Trailer;
  readonly trailers?: readonly Trailer[];
}

/** A field behind an answer (RFC 9110, section 6.5). */
interface Trailer {
  readonly name: string;
  value(): string;
}

/** A possible answer, for the OpenAPI document. */
export interface AnswerDescription {
  readonly status: number;
  readonly mediaType: string;
  readonly description: string;
  /** Of JSON answers; left out: text. */
  readonly schema?: z.ZodType;
}

export type Method = 'GET' | 'POST' | 'DELETE';

/** One operation of the API: the server, the OpenAPI document and the tests are made from these. */
export interface Route {
  readonly method: Method;
  /** With `{name}` for parameters, as in OpenAPI. */
  readonly path: string;
  readonly operation: string;
  readonly summary: string;
  readonly query: z.ZodObject | undefined;
  /** Query parameters that may be given several times. */
  readonly repeated: readonly string[];
  readonly params: z.ZodObject | undefined;
  /** Of a JSON body, which may be left out. */
  readonly body: z.ZodObject | undefined;
  readonly answers: readonly AnswerDescription[];
  readonly faults: readonly FaultCode[];
  handle(call: Call<unknown, unknown>): Promise<Answer> | Answer;
}

interface RouteDefinition<Query extends z.ZodObject, Params extends z.ZodObject, Body extends z.ZodObject> {
  readonly method?: Method;
  readonly path: string;
  readonly operation: string;
  readonly summary: string;
  readonly query?: Query;
  readonly repeated?: readonly string[];
  readonly params?: Params;
  readonly body?: Body;
  readonly answers: readonly AnswerDescription[];
  readonly faults?: readonly FaultCode[];
  handle(call: Call<z.output<Query>, z.output<Params>, z.output<Body>>): Promise<Answer> | Answer;
}

/** A route whose query, parameters and body are checked before its function sees them; what does not fit is `request-invalid`. */
export function defineRoute<Query extends z.ZodObject, Params extends z.ZodObject, Body extends z.ZodObject>(
  definition: RouteDefinition<Query, Params, Body>,
): Route {
  const { method = 'GET', query, repeated = [], params, body, faults = [] } = definition;
  return {
    ...definition,
    method,
    query,
    repeated,
    params,
    body,
    faults: query === undefined && body === undefined ? faults : ['request-invalid', ...faults],
    handle(call) {
      return definition.handle({
        ...call,
        query: checked(query, listed(call.query, repeated)) as z.output<Query>,
        params: checked(params, call.params) as z.output<Params>,
        // A body that nobody asked for says nothing.
        body: checked(body, body === undefined ? {} : (call.body ?? {})) as z.output<Body>,
      });
    },
  };
}

/** Repeated parameters as lists, also where they were given once. */
function listed(query: unknown, repeated: readonly string[]): Record<string, unknown> {
  const given = { ...(query as Record<string, unknown>) };
  for (const name of repeated) if (typeof given[name] === 'string') given[name] = [given[name]];
  return given;
}

function checked(schema: z.ZodObject | undefined, value: unknown): unknown {
  if (schema === undefined) {
    const [unknown] = Object.keys(value ?? {});
    if (unknown !== undefined) throw new Fault('request-invalid', `${unknown} is not a parameter of this route.`);
    return {};
  }
  const result = schema.safeParse(value);
  if (result.success) return result.data;
  throw new Fault('request-invalid', result.error.issues.map((issue) => sayIssue(issue, value)).join(' '));
}

function sayIssue(issue: z.core.$ZodIssue, value: unknown): string {
  if (issue.code === 'unrecognized_keys') return `${issue.keys.join(', ')}: not a parameter of this route.`;
  const [name = ''] = issue.path;
  const given = (value as Readonly<Record<PropertyKey, unknown>>)[name];
  const repeated = issue.code === 'invalid_type' && issue.path.length === 1 && Array.isArray(given);
  const wrong = given === undefined ? 'missing, ' : repeated ? 'given several times, ' : '';
  return `${issue.path.join('.')}: ${wrong}expected ${issue.message}.`;
}

export const JSON_MEDIA_TYPE = 'application/json; charset=utf-8';

/** A JSON answer. */
export function json(value: unknown, status = 200): Answer {
  return { status, mediaType: JSON_MEDIA_TYPE, body: `${JSON.stringify(value)}\n` };
}

/** A list in JSON as pieces of about 64 KiB, an item a line, so that a long one takes no memory. `head`: members before `items`, each with a comma behind it. */
export async function* jsonItems(items: Iterable<string> | AsyncIterable<string>, head = ''): AsyncGenerator<string> {
  let piece = `{${head}"items":[`;
  let separator = '\n';
  for await (const item of items) {
    piece += separator + item;
    separator = ',\n';
    if (piece.length < 64 * 1024) continue;
    yield piece;
    piece = '';
  }
  yield `${piece}\n]}\n`;
}
