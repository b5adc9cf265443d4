/* Requests to the gateway. */

/** What the gateway refused, in its own words (RFC 9457). */
class RequestProblem extends Error {
  override readonly name = 'RequestProblem';
  readonly status: number;
  /** What can be done about it. */
  readonly todo: string;

  constructor(status: number, message: string, todo: string) {
    super(message);
    this.status = status;
    this.todo = todo;
  }
}

const LIMIT_MS = 20_000;

/** GET of JSON. Rejects with `RequestProblem`, or with the browser's error where the gateway was not reached. */
export function getJson<T>(path: string, signal?: AbortSignal): Promise<T> {
  return request<T>('GET', path, undefined, signal);
}

/** POST or DELETE. Rejects as `getJson`. */
export function send<T>(method: 'POST' | 'DELETE', path: string, body?: object): Promise<T> {
  return request<T>(method, path, body, undefined);
}

async function request<T>(method: string, path: string, body: object | undefined, signal?: AbortSignal): Promise<T> {
  const limit = AbortSignal.timeout(LIMIT_MS);
  const answer = await fetch(path, {
    method,
    signal: signal === undefined ? limit : AbortSignal.any([signal, limit]),
    ...(body === undefined ? {} : { body: JSON.stringify(body), headers: { 'content-type': 'application/json' } }),
  });
  if (answer.ok) return (await answer.json()) as T;
  throw await problemOf(answer);
}

async function problemOf(answer: Response): Promise<RequestProblem> {
  const text = await answer.text();
  try {
    const { title, detail, todo } = JSON.parse(text) as Readonly<Record<'title' | 'detail' | 'todo', string>>;
    return new RequestProblem(answer.status, `${title} ${detail}`, todo);
  } catch {
    // Not from the gateway: a proxy on the way, or an old version.
    return new RequestProblem(answer.status, `${answer.status} ${answer.statusText}`, 'Try again.');
  }
}

/** Message of anything that was thrown, with what can be done about it. */
export function sayError(error: unknown): string {
  if (error instanceof RequestProblem) return `${error.message} ${error.todo}`;
  if (error instanceof TypeError) return 'The gateway cannot be reached.';
  return error instanceof Error ? error.message : String(error);
}
