import { catalogue } from './fault-catalogue.ts';

/** Codes of the catalogue. */
export type FaultCode = keyof typeof catalogue;

/** A typed error out of the catalogue. `detail` says what is special about this case: file, offset, address. */
export class Fault extends Error {
  readonly code: FaultCode;
  readonly detail: string;

  constructor(code: FaultCode, detail: string, options?: ErrorOptions) {
    super(`${catalogue[code].what} ${detail}`, options);
    this.name = 'Fault';
    this.code = code;
    this.detail = detail;
  }

  /** What the user can do about it. */
  get todo(): string {
    return catalogue[this.code].todo;
  }
}

/** Message of anything that was thrown. */
export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

/** Code of a system error (`ENOENT` …), or undefined. */
export function errnoOf(error: unknown): string | undefined {
  if (error instanceof Error && 'code' in error && typeof error.code === 'string') return error.code;
  return undefined;
}

/** A fault as plain data that crosses threads. */
export interface FaultMessage {
  code: FaultCode;
  detail: string;
}

/** Turns anything thrown into a message for another thread; what is not a Fault becomes `internal`. */
export function toFaultMessage(error: unknown): FaultMessage {
  if (error instanceof Fault) return { code: error.code, detail: error.detail };
  return { code: 'internal', detail: error instanceof Error ? (error.stack ?? error.message) : String(error) };
}

/** The opposite of `toFaultMessage`. */
export function fromFaultMessage(message: FaultMessage): Fault {
  return new Fault(message.code, message.detail);
}

/** Assertion for programmer errors: an impossible state fails loudly at once. */
export function assert(condition: unknown, message: string): asserts condition {
  if (!condition) throw new Error(`assertion failed: ${message}`);
}
