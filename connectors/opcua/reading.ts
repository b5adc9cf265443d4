import type { MonitoredItemNotification } from 'node-opcua-client';
import { ValueKind } from '../../edge/core/sample.ts';
import { isGood, StatusCode } from '../../edge/core/status-code.ts';
import { MAX_PAYLOAD_BYTES, type Message, type RawValue } from '../contract.ts';
import { exactValueOf } from './exact-notification.ts';
import type { Item, Refusal } from './items.ts';
import { variantValue } from './variant-value.ts';

const NO_BYTES = new Uint8Array(0);

/**
 * A notification as a message: one value. Its time is that of the source, else that of the server, else none. Its StatusCode stays as it is, info bits too (Overflow: the
 * server's queue lost values before this one); only a null that is called plainly good becomes BadNoData. `standing`: it is the first one of its item after the connection.
 */
export function toMessage(
  source: string,
  item: Item,
  notification: MonitoredItemNotification,
  standing: boolean,
): Message {
  const { variant, statusCode, sourceUs, serverUs, original } = exactValueOf(notification);
  const base = { type: 'message', source, address: item.address, original } as const;
  if (original.length > MAX_PAYLOAD_BYTES) {
    const detail = `${original.length} bytes, at most ${MAX_PAYLOAD_BYTES} are read.`;
    return { ...base, values: [], problems: [{ reason: 'too-large', detail, tag: item.tag }] };
  }
  const taken = variantValue(variant);
  if ('unfit' in taken) {
    return { ...base, values: [], problems: [{ reason: 'wrong-type', detail: taken.unfit, tag: item.tag }] };
  }
  const nothing = taken.kind === ValueKind.null && isGood(statusCode);
  const infoBits = statusCode & 0xffff;
  const value: RawValue = {
    tag: item.tag,
    kind: taken.kind,
    value: taken.value,
    declared: null,
    ...(item.unit === undefined ? {} : { unit: item.unit }),
    ...(item.class === undefined ? {} : { class: item.class }),
    timeUs: sourceUs ?? serverUs,
    ...(serverUs === null ? {} : { serverTimeUs: serverUs }),
    quality: nothing ? StatusCode.BadNoData + infoBits : statusCode,
    flags: 0,
    ...(standing ? { standing } : {}),
  };
  return { ...base, values: [value], problems: [] };
}

/** An item that the server refused: a null sample whose quality is the server's StatusCode. */
export function toRefusedMessage(source: string, { item, statusCode }: Refusal): Message {
  const value: RawValue = {
    tag: item.tag,
    kind: ValueKind.null,
    value: null,
    declared: null,
    ...(item.unit === undefined ? {} : { unit: item.unit }),
    ...(item.class === undefined ? {} : { class: item.class }),
    timeUs: null,
    quality: statusCode,
    flags: 0,
  };
  return { type: 'message', source, address: item.address, original: NO_BYTES, values: [value], problems: [] };
}
