import { DataType, MonitoredItemNotification, Variant } from 'node-opcua-client';
import { assert } from '../../edge/core/fault.ts';
import { microsecondsOf } from './date-time.ts';

/** Where the library reads from: a message and the place in it. */
interface Stream {
  readonly buffer: Uint8Array;
  readonly length: number;
  readUInt8(): number;
  readUInt16(): number;
  readUInt32(): number;
}

/** A DataValue as it came (OPC UA Part 4, 7.11). */
export interface ExactValue {
  readonly variant: Variant;
  readonly statusCode: number;
  /** µs since the epoch, or null. */
  readonly sourceUs: number | null;
  readonly serverUs: number | null;
  /** Its bytes. */
  readonly original: Uint8Array;
}

/** Bits of a DataValue's first byte (OPC UA Part 6, 5.2.2.17). */
const HAS_VALUE = 1;
const HAS_STATUS = 2;
const HAS_SOURCE_TIME = 4;
const HAS_SERVER_TIME = 8;
const HAS_SOURCE_PICOSECONDS = 16;
const HAS_SERVER_PICOSECONDS = 32;

/** First byte of a Variant that is a single StatusCode. */
const STATUS_CODE: number = DataType.StatusCode;

const exactValues = new WeakMap<MonitoredItemNotification, ExactValue>();
let installed = false;

/**
 * Reads notifications with our own code. The library's turns each StatusCode that is not in its table into Bad and prints a warning, and does not keep the bytes, which are
 * wanted for quarantine. For all clients of this thread, once; servers do not read notifications.
 */
export function readNotificationsExactly(): void {
  if (installed) return;
  installed = true;
  MonitoredItemNotification.prototype.decode = decodeExactly;
}

function decodeExactly(this: MonitoredItemNotification, stream: Parameters<Variant['decode']>[0]): void {
  this.clientHandle = stream.readUInt32();
  exactValues.set(this, readDataValue(stream));
}

/** The value of a notification that was read from a message. */
export function exactValueOf(notification: MonitoredItemNotification): ExactValue {
  const value = exactValues.get(notification);
  assert(value !== undefined, 'read by us');
  return value;
}

/** Picoseconds count within 100 ns: they never change a whole microsecond. */
function readDataValue(stream: Stream & Parameters<Variant['decode']>[0]): ExactValue {
  const start = stream.length;
  const has = stream.readUInt8();
  const variant = (has & HAS_VALUE) === 0 ? new Variant(null) : readVariant(stream);
  const statusCode = (has & HAS_STATUS) === 0 ? 0 : stream.readUInt32();
  const sourceUs = (has & HAS_SOURCE_TIME) === 0 ? null : readTimeUs(stream);
  if ((has & HAS_SOURCE_PICOSECONDS) !== 0) stream.readUInt16();
  const serverUs = (has & HAS_SERVER_TIME) === 0 ? null : readTimeUs(stream);
  if ((has & HAS_SERVER_PICOSECONDS) !== 0) stream.readUInt16();
  return { variant, statusCode, sourceUs, serverUs, original: stream.buffer.subarray(start, stream.length) };
}

/** A single StatusCode by ourselves too: the library would print one that it does not know, as often as it came. */
function readVariant(stream: Stream & Parameters<Variant['decode']>[0]): Variant {
  const variant = new Variant(null);
  if (stream.buffer[stream.length] !== STATUS_CODE) {
    variant.decode(stream);
    return variant;
  }
  variant.dataType = stream.readUInt8();
  variant.value = stream.readUInt32();
  return variant;
}

function readTimeUs(stream: Stream): number | null {
  const low = stream.readUInt32();
  return microsecondsOf(stream.readUInt32(), low);
}
