import type { Fault } from '../../edge/core/fault.ts';

/** What carries bytes to the units and back: a TCP connection; a serial line is another one. */
export interface Line {
  /** For messages: `HOST:PORT`. */
  readonly name: string;
  /** Resolves once, when the line is lost; not when it was closed. */
  readonly lost: Promise<Fault>;
  /** Called with what arrives. */
  onBytes: (chunk: Uint8Array) => void;
  write(bytes: Uint8Array): void;
  close(): Promise<void>;
}
