import type { Table } from './config.ts';

/** A question: so many registers or bits of a table of a unit. */
export interface Request {
  readonly unit: number;
  readonly table: Table;
  readonly address: number;
  readonly count: number;
}

/** What a unit said. Data: registers high byte first, or bits. */
export type Answer =
  | { readonly type: 'data'; readonly bytes: Uint8Array }
  | { readonly type: 'exception'; readonly code: number };

/** Something came that is not the answer. `adrift`: nothing in it could be read as a frame. `late`: it took the whole time-out to find that out. */
export interface Broken {
  readonly type: 'broken';
  readonly detail: string;
  readonly adrift?: true;
  readonly late?: true;
}

/** Function codes (Modbus Application Protocol 1.1b3, sections 6.1 to 6.4). */
const functions: Readonly<Record<Table, number>> = { coil: 1, discrete: 2, holding: 3, input: 4 };
/** Set in the function code of an exception (section 7). */
const EXCEPTION = 0x80;

export function functionOf({ table }: Request): number {
  return functions[table];
}

/** Bytes of data in the answer. */
export function dataBytesOf({ table, count }: Request): number {
  return table === 'coil' || table === 'discrete' ? Math.ceil(count / 8) : 2 * count;
}

/** The request as a PDU of 5 bytes: function, address, count. */
export function pduOf(request: Request): Uint8Array {
  const { address, count } = request;
  return Uint8Array.of(functionOf(request), address >> 8, address & 0xff, count >> 8, count & 0xff);
}

/** Reads the PDU of an answer. Everything must be as it was asked: function, byte count, length. Never throws. */
export function readAnswer(pdu: Uint8Array, request: Request): Answer | Broken {
  const wanted = functionOf(request);
  const [code = 0, second = 0] = pdu;
  if (code === (wanted | EXCEPTION)) {
    if (pdu.length !== 2) return broken(`an exception of ${pdu.length} bytes`);
    return { type: 'exception', code: second };
  }
  if (code !== wanted) return broken(`function ${code} answered, ${wanted} was asked`);
  const bytes = dataBytesOf(request);
  if (second !== bytes) return broken(`${second} bytes of data are announced, ${bytes} were asked`);
  if (pdu.length !== 2 + bytes) return broken(`${pdu.length - 2} bytes of data, ${bytes} were asked`);
  return { type: 'data', bytes: pdu.slice(2) };
}

/** Whether a function code can be that of the answer. */
export function isFunctionOf(request: Request, code: number): boolean {
  return (code & ~EXCEPTION) === functionOf(request);
}

export function broken(detail: string): Broken {
  return { type: 'broken', detail };
}
