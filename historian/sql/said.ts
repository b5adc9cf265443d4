import { Fault, messageOf } from '../../edge/core/fault.ts';

/** What DuckDB says of an error (`errors_as_json`). */
interface Said {
  readonly exception_type?: string;
  readonly exception_message?: string;
  /** Byte in the statement. */
  readonly position?: string;
}

/** What DuckDB says, with a code of ours, and where in the statement it is. */
export function saidFault(error: unknown, sql: string): Fault {
  if (error instanceof Fault) return error;
  const { exception_type: type = '', exception_message: message = messageOf(error), position } = read(messageOf(error));
  const place = position === undefined ? '' : `${placeIn(sql, Number(position))}: `;
  const detail = `${place}${type === '' ? '' : `${type} Error: `}${message}`;
  // What DuckDB advises then are settings, which nobody can change here.
  if (type === 'Out of Memory') return new Fault('sql-limit', detail.split('\n', 1)[0] ?? '', { cause: error });
  return new Fault(type === 'Permission' ? 'sql-refused' : 'sql-invalid', detail, { cause: error });
}

function read(text: string): Said {
  const start = text.indexOf('{');
  if (start < 0) return {};
  try {
    return JSON.parse(text.slice(start)) as Said;
  } catch {
    // Not all errors are in JSON: then it is their text that counts.
    return {};
  }
}

/** A byte of the statement as its line and column, both from 1. */
function placeIn(sql: string, position: number): string {
  const before = Buffer.from(sql).subarray(0, position).toString();
  const lines = before.split('\n');
  return `Line ${lines.length}, column ${(lines.at(-1) ?? '').length + 1}`;
}
