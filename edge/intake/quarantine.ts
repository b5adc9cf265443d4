import { hash } from 'node:crypto';
import type { Message, QuarantineReason } from '../../connectors/contract.ts';
import type { RecordHeader } from '../core/record-batch.ts';

/** So much of the original is kept (FORMAT.md, "Topics"). */
const KEPT_BYTES = 65_536;
const MAX_DETAIL = 1000;
const MAX_ADDRESS = 4096;

const text = new TextEncoder();

/** A record of topic `quarantine`. */
export interface QuarantineRecord {
  readonly value: Uint8Array | null;
  readonly headers: readonly RecordHeader[];
}

/** Makes the quarantine records of one message: the first carries the original, the others only its hash. */
export class MessageQuarantine {
  private readonly connector: string;
  private readonly message: Message;
  private sha256: Uint8Array | undefined;

  constructor(connector: string, message: Message) {
    this.connector = connector;
    this.message = message;
  }

  /** `copy`: the sample itself was logged, as null. */
  record(reason: QuarantineReason, detail: string, copy: boolean): QuarantineRecord {
    const { original, source, address } = this.message;
    const first = this.sha256 === undefined;
    this.sha256 ??= hash('sha256', original, 'buffer');
    const headers: RecordHeader[] = [
      ['reason', text.encode(reason)],
      ['detail', text.encode(detail.slice(0, MAX_DETAIL))],
      ['connector', text.encode(this.connector)],
      ['source', text.encode(source.slice(0, MAX_ADDRESS))],
      ['address', text.encode(address.slice(0, MAX_ADDRESS))],
      ['length', text.encode(String(original.length))],
      ['sha256', this.sha256],
    ];
    if (copy) headers.push(['copy', text.encode('1')]);
    return { value: first ? original.subarray(0, KEPT_BYTES) : null, headers };
  }
}
