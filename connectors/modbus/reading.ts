import { ValueKind } from '../../edge/core/sample.ts';
import { StatusCode } from '../../edge/core/status-code.ts';
import type { TagClass } from '../../edge/core/topics.ts';
import type { Message, Problem, RawValue } from '../contract.ts';
import { fromAddress } from './address.ts';
import type { Addressing } from './config.ts';
import type { Point } from './device.ts';
import { NO_BYTES } from './framing.ts';
import type { Block } from './plan.ts';
import { pointBytes, pointValue } from './register-value.ts';

/** Who answers, and how its addresses are written. */
export interface Sender {
  /** `unit 1`. */
  readonly source: string;
  readonly asset: string;
  readonly addressing: Addressing;
  /** Of the points that name none. */
  readonly class?: TagClass | undefined;
}

/**
 * An answer as messages: one for the block, and one for each point that is to be looked at by somebody (not finite, no text), with its own address and registers. Values have
 * no time: Modbus gives none, so the host takes the time at which it takes them in.
 */
export function toMessages(sender: Sender, block: Block, bytes: Uint8Array): Message[] {
  const values: RawValue[] = [];
  const odd: Message[] = [];
  for (const point of block.points) {
    const found = pointValue(point, block, bytes);
    if ('unfit' in found) {
      const problem: Problem = { reason: 'malformed', detail: found.unfit, tag: tagOf(sender, point) };
      odd.push({ ...pointMessage(sender, point, block, bytes), problems: [problem] });
    } else if ('none' in found) values.push(nullValue(sender, point, StatusCode.BadNoData));
    else {
      const value = { ...nullValue(sender, point, StatusCode.Good), ...found };
      const isOdd = typeof found.value === 'number' && !Number.isFinite(found.value);
      if (isOdd) odd.push({ ...pointMessage(sender, point, block, bytes), values: [value] });
      else values.push(value);
    }
  }
  if (values.length === 0) return odd;
  return [{ ...messageOf(sender, addressOf(sender, block), bytes), values }, ...odd];
}

/** Every point of a block as a null sample of this quality: there is no answer that has values. */
export function toNullMessage(sender: Sender, block: Block, quality: number): Message {
  const values = block.points.map((point) => nullValue(sender, point, quality));
  return { ...messageOf(sender, addressOf(sender, block), NO_BYTES), values };
}

/** Table and address as in the device file; of a block its first and last. */
export function addressOf({ addressing }: Sender, { table, address, count }: Block | Point): string {
  const first = fromAddress(address, table, addressing);
  return count === 1 ? `${table}/${first}` : `${table}/${first}-${fromAddress(address + count - 1, table, addressing)}`;
}

function pointMessage(sender: Sender, point: Point, block: Block, bytes: Uint8Array): Message {
  return messageOf(sender, addressOf(sender, point), pointBytes(point, block, bytes));
}

function messageOf({ source }: Sender, address: string, original: Uint8Array): Message {
  return { type: 'message', source, address, original, values: [], problems: [] };
}

function nullValue(sender: Sender, point: Point, quality: number): RawValue {
  const tagClass = point.class ?? sender.class;
  return {
    tag: tagOf(sender, point),
    kind: ValueKind.null,
    value: null,
    declared: point.declared,
    ...(point.unit === undefined ? {} : { unit: point.unit }),
    ...(tagClass === undefined ? {} : { class: tagClass }),
    timeUs: null,
    quality,
    flags: 0,
  };
}

function tagOf({ asset }: Sender, { name }: Point): string {
  return `${asset}/${name}`;
}
