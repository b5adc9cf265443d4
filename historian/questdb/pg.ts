import { Client } from 'pg';
import { errnoOf, Fault, type FaultCode, messageOf } from '../../edge/core/fault.ts';
import { REQUEST_LIMIT_MS } from './limits.ts';

/** Where QuestDB answers to PostgreSQL's protocol. */
export interface PgAddress {
  /** `postgres://admin@127.0.0.1:8812/qdb` */
  readonly pg: string;
  readonly password?: string | undefined;
}

/**
 * Small questions with parameters, over one connection at a time, one question after the other. A connection that has ended (the server cuts idle ones after five minutes) is known by
 * its next question, which is then asked once more over a new one; so is a question whose plan the server has made for a table that was changed since.
 */
export class PgQuestions {
  private readonly address: PgAddress;
  private client: Promise<Client> | undefined;
  private last: Promise<unknown> = Promise.resolve();

  constructor(address: PgAddress) {
    this.address = address;
  }

  /** Rows of a question. Throws `questdb-unreachable`, `questdb-refused`. */
  ask(sql: string, parameters: readonly unknown[]): Promise<readonly (readonly unknown[])[]> {
    const answer = this.last.then(() => this.askTwice(sql, parameters));
    this.last = answer.catch(() => undefined); // told to who asked
    return answer;
  }

  async close(): Promise<void> {
    await this.last;
    await this.drop();
  }

  private async askTwice(sql: string, parameters: readonly unknown[]): Promise<readonly (readonly unknown[])[]> {
    const isFresh = this.client === undefined;
    try {
      return await this.askOnce(sql, parameters);
    } catch (error) {
      await this.drop();
      if (isFresh) throw faultOf(error, this.address.pg);
    }
    try {
      return await this.askOnce(sql, parameters);
    } catch (error) {
      await this.drop();
      throw faultOf(error, this.address.pg);
    }
  }

  private async askOnce(sql: string, parameters: readonly unknown[]): Promise<readonly (readonly unknown[])[]> {
    this.client ??= this.connect();
    const client = await this.client;
    const { rows } = await client.query<unknown[]>({ text: sql, values: [...parameters], rowMode: 'array' });
    return rows;
  }

  private async connect(): Promise<Client> {
    const { pg, password } = this.address;
    if (!URL.canParse(pg)) throw new Fault('config-invalid', `${pg} is no address of QuestDB.`);
    // Beside an address `password` would not count.
    const url = new URL(pg);
    if (password !== undefined) url.password = password;
    const client = new Client({
      connectionString: url.href,
      connectionTimeoutMillis: 10_000,
      query_timeout: REQUEST_LIMIT_MS,
    });
    // Without a listener the end of an idle connection ends the process.
    client.on('error', () => (this.client = undefined));
    await client.connect();
    return client;
  }

  private async drop(): Promise<void> {
    const { client } = this;
    this.client = undefined;
    await client?.then((connected) => connected.end()).catch(() => undefined); // it has ended already
  }
}

/** SQLSTATEs of a user or a password that does not count (https://www.postgresql.org/docs/current/errcodes-appendix.html, class 28). */
const UNAUTHORIZED = /^28/;

/** What the server says has a code of PostgreSQL; what keeps it from being asked has none. */
function faultOf(error: unknown, pg: string): Fault {
  if (error instanceof Fault) return error;
  const where = URL.canParse(pg) ? new URL(pg).host : pg;
  return new Fault(codeOf(error), `${where}: ${messageOf(error)}`, { cause: error });
}

function codeOf(error: unknown): FaultCode {
  if (!(error instanceof Error && 'severity' in error)) return 'questdb-unreachable';
  const isOfUser = UNAUTHORIZED.test(errnoOf(error) ?? '') || error.message.includes('username/password');
  return isOfUser ? 'questdb-unauthorized' : 'questdb-refused';
}
