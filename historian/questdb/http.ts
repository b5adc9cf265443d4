import http from 'node:http';
import https from 'node:https';
import { Fault, messageOf } from '../../edge/core/fault.ts';
import { HELLO_LIMIT_MS, MAX_ANSWER_BYTES, REQUEST_LIMIT_MS } from './limits.ts';

/** Where a QuestDB server listens for HTTP, and as whom it is asked. */
export interface QuestdbAddress {
  /** `http://127.0.0.1:9000`. A user name in it is used with the password. */
  readonly http: string;
  readonly password?: string | undefined;
}

/** What `/exec` answers to a query; rows as JSON has them. */
export interface ExecAnswer {
  readonly columns: readonly { readonly name: string; readonly type: string }[];
  readonly rows: readonly (readonly unknown[])[];
}

/** An answer that is larger than it may be: ask for less. */
export class AnswerTooLarge extends Error {
  override readonly name = 'AnswerTooLarge';

  constructor(maxBytes: number) {
    super(`more than ${maxBytes} bytes`);
  }
}

/** Characters of a statement in a message. */
const MAX_TOLD_SQL = 120;

interface Answer {
  readonly status: number;
  readonly text: string;
}

/** Lines that QuestDB did not take. */
export interface WriteRefusal {
  readonly status: number;
  readonly message: string;
  /** Number of the line that is wrong, from 1; null: none is named. */
  readonly line: number | null;
}

/**
 * Kept-alive connections to QuestDB, one unless told. Whoever changes a table, or learns that one was changed, closes them and makes others: what is sent first on a connection that was there
 * before a table was created anew is acknowledged and lost.
 */
export class QuestdbHttp {
  private readonly base: URL;
  private readonly agent: http.Agent;
  private readonly headers: Record<string, string>;
  private readonly maxAnswerBytes: number;

  /** Throws `config-invalid` if the address is none. */
  constructor(
    { http: address, password }: QuestdbAddress,
    { connections = 1, maxAnswerBytes = MAX_ANSWER_BYTES }: { connections?: number; maxAnswerBytes?: number } = {},
  ) {
    if (!URL.canParse(address)) throw new Fault('config-invalid', `${address} is no address of QuestDB.`);
    this.base = new URL(address);
    const options = { keepAlive: true, maxSockets: connections };
    this.agent = this.base.protocol === 'https:' ? new https.Agent(options) : new http.Agent(options);
    const user = decodeURIComponent(this.base.username);
    this.headers =
      user === '' ? {} : { authorization: `Basic ${Buffer.from(`${user}:${password ?? ''}`).toString('base64')}` };
    this.maxAnswerBytes = maxAnswerBytes;
  }

  /** Ends the connection, and with it what is under way. */
  close(): void {
    this.agent.destroy();
  }

  /** Asks whether a QuestDB answers there, within 15 s: an address may lead to anything. Throws `questdb-unreachable`, `questdb-unauthorized`, `questdb-refused`. */
  async hello(): Promise<void> {
    const { status, text } = await this.request('GET', '/exec?query=SELECT%201', null, { limitMs: HELLO_LIMIT_MS });
    const { dataset, error } = parse(text);
    if (status === 200 && Array.isArray(dataset)) return;
    if (typeof error === 'string') throw new Fault('questdb-refused', `${oneLine(error)} (HTTP ${status})`);
    const what = oneLine(text.slice(0, MAX_TOLD_SQL));
    throw new Fault(
      'questdb-unreachable',
      `${this.base.origin} answers, but not as QuestDB does: HTTP ${status}, ${what}`,
    );
  }

  /** Runs a statement. Throws `questdb-unreachable`, `questdb-unauthorized`, or `questdb-refused` with what the server says. */
  async exec(sql: string, signal?: AbortSignal): Promise<ExecAnswer> {
    const query = new URLSearchParams({ query: sql, nm: 'true' });
    const { status, text } = await this.request('GET', `/exec?${query.toString()}`, null, { signal });
    const answer = status === 200 ? parseRows(text) : parse(text);
    const { columns = [], dataset = [], error } = answer;
    if (status !== 200 || typeof error === 'string') {
      const why = typeof error === 'string' ? error : text.slice(0, 500);
      throw new Fault('questdb-refused', `${oneLine(why)} (HTTP ${status}): ${shortened(sql)}`);
    }
    return { columns: columns as ExecAnswer['columns'], rows: dataset as ExecAnswer['rows'] };
  }

  /** Sends lines. Undefined: they are committed to the table's log, which does not yet mean that they are in the table. Throws `questdb-unreachable`. */
  async write(lines: Uint8Array, signal?: AbortSignal): Promise<WriteRefusal | undefined> {
    const { status, text } = await this.request('POST', '/write?precision=u', lines, { signal });
    if (status === 204 || status === 200) return undefined;
    const { message, line } = parse(text);
    return {
      status,
      message: oneLine(typeof message === 'string' ? message : text.slice(0, 500)),
      line: typeof line === 'number' ? line : null,
    };
  }

  private unauthorized(): Fault {
    const user = decodeURIComponent(this.base.username);
    const who = user === '' ? 'asks for a user name, and the address has none' : `refuses ${user} with this password`;
    return new Fault('questdb-unauthorized', `${this.base.origin} ${who} (HTTP 401).`);
  }

  private request(
    method: string,
    path: string,
    body: Uint8Array | null,
    { signal, limitMs = REQUEST_LIMIT_MS }: { signal?: AbortSignal | undefined; limitMs?: number },
  ): Promise<Answer> {
    const { base, agent, headers } = this;
    const make = base.protocol === 'https:' ? https.request : http.request;
    return new Promise((resolve, reject) => {
      const fail = (error: unknown): void =>
        reject(new Fault('questdb-unreachable', `${base.origin}: ${messageOf(error)}.`, { cause: error }));
      const request = make(
        new URL(path, base),
        {
          method,
          agent,
          headers: body === null ? headers : { ...headers, 'content-length': String(body.length) },
          timeout: limitMs,
          ...(signal === undefined ? {} : { signal }),
        },
        (response) => {
          void collect(response, this.maxAnswerBytes).then(
            (text) =>
              response.statusCode === 401
                ? reject(this.unauthorized())
                : resolve({ status: response.statusCode ?? 0, text }),
            (error: unknown) => (error instanceof AnswerTooLarge ? reject(error) : fail(error)),
          );
        },
      );
      request.on('error', fail);
      request.on('timeout', () => request.destroy(new Error(`no answer within ${limitMs / 1000} s`)));
      request.end(body ?? undefined);
    });
  }
}

function oneLine(text: string): string {
  return text.trim().replaceAll(/\s+/g, ' ');
}

/** A statement as it stands in a message: enough to know which it was. */
function shortened(sql: string): string {
  return sql.length > MAX_TOLD_SQL ? `${sql.slice(0, MAX_TOLD_SQL)}…` : sql;
}

async function collect(response: http.IncomingMessage, maxBytes: number): Promise<string> {
  const parts: Buffer[] = [];
  let length = 0;
  for await (const part of response as AsyncIterable<Buffer>) {
    length += part.length;
    if (length > maxBytes) throw new AnswerTooLarge(maxBytes);
    parts.push(part);
  }
  return Buffer.concat(parts).toString('utf8');
}

/** An answer with rows. Nothing is taken for no rows: the server writes U+0000 in a text as it is, which is no JSON. Throws `questdb-refused`. */
function parseRows(text: string): Record<string, unknown> {
  try {
    return JSON.parse(text) as Record<string, unknown>;
  } catch {
    const escaped = text.replaceAll('\0', String.raw`\u0000`);
    try {
      return JSON.parse(escaped) as Record<string, unknown>;
    } catch (error) {
      throw new Fault('questdb-refused', `An answer that is no JSON: ${messageOf(error)}.`, { cause: error });
    }
  }
}

/** A JSON object; what is none is empty. */
function parse(text: string): Record<string, unknown> {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : {};
  } catch {
    return {};
  }
}

/** A text as a literal of SQL. */
export function quoted(text: string): string {
  return `'${text.replaceAll("'", "''")}'`;
}
