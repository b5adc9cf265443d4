import path from 'node:path';
import { type Disk, readFile, replaceFile } from './disk.ts';
import { Fault } from './fault.ts';

/** What identifies a log: `epoch` rises when acknowledged data was lost, restored or promoted. */
export interface LogIdentity {
  readonly v: 1;
  readonly logId: string;
  readonly epoch: number;
}

/** The identity of the log in a folder: it gets one with this id where it has none. Throws `data-unreadable`. */
export function openIdentity(disk: Disk, logFolder: string, newLogId: string): LogIdentity {
  const file = path.join(logFolder, 'millrace.json');
  const bytes = readFile(disk, file);
  if (bytes !== undefined) return parseIdentity(file, bytes);
  const identity: LogIdentity = { v: 1, logId: newLogId, epoch: 0 };
  replaceFile(disk, file, `${JSON.stringify(identity)}\n`);
  return identity;
}

/** What `millrace.json` says. Throws `data-unreadable`. */
export function parseIdentity(file: string, bytes: Uint8Array): LogIdentity {
  const parsed = parseJson(new TextDecoder().decode(bytes));
  if (typeof parsed === 'object' && parsed !== null && 'v' in parsed && 'logId' in parsed && 'epoch' in parsed) {
    const { v, logId, epoch } = parsed;
    if (v !== 1)
      throw new Fault('data-unreadable', `${file} is of version ${String(v)}; this program knows version 1.`);
    const epochFits = typeof epoch === 'number' && Number.isInteger(epoch) && epoch >= 0 && epoch <= 0x7fffffff;
    if (typeof logId === 'string' && epochFits) return { v: 1, logId, epoch };
  }
  throw new Fault('data-unreadable', `${file} does not name a log.`);
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
