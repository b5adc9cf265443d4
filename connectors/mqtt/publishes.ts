import { createHash } from 'node:crypto';
import type { AedesPublishPacket, Client, PublishPacket } from 'aedes';
import { type Message, MAX_PAYLOAD_BYTES, type Reading } from '../contract.ts';
import { Inbox } from '../inbox.ts';
import { type PayloadReading, problemAlone } from '../payload/harvest.ts';
import type { PayloadMap } from '../payload/payload-map.ts';
import type { Gate } from './gate.ts';
import type { Pending } from './inbound.ts';
import { packetBytes } from './packet-bytes.ts';
import type { Room } from './room.ts';
import type { SessionStore } from './session-store.ts';

/** What the way of a PUBLISH touches. */
export interface PublishesOptions {
  readonly map: PayloadMap;
  readonly held: Room;
  readonly store: SessionStore;
  readonly gateOf: (client: Client) => Gate | undefined;
  /** Something of the broker itself failed: it is of no use any more. */
  readonly onFailed: (error: unknown) => void;
}

/** Answer to aedes: an error closes the connection. */
type Done = (error?: Error | null) => void;

/** A PUBLISH on its way to the log. */
interface Publish {
  readonly client: Client | null;
  readonly packet: PublishPacket;
  readonly bytes: number;
  readonly done: Done;
  /** QoS 2. */
  readonly pending?: Pending;
}

/** What is no PUBLISH. */
interface Told {
  readonly reading: Reading;
  readonly bytes: number;
}

type Arrival = Publish | Told;

/** About what such a reading takes in memory. */
const TOLD_BYTES = 1024;

/** Topics of brokers themselves: what a client publishes there is refused. */
const SYSTEM = '$SYS/';
/** MQTT 3.1.1, section 1.5.3: no topic holds U+0000 or bytes that are no UTF-8, for which the parser puts U+FFFD; two such names could become one tag. */
const UNFIT = ['\u0000', '\ufffd'];

/**
 * The way of a PUBLISH: aedes asks `authorize` before it acknowledges (PUBACK, PUBREC) or passes on, and gets its answer when the host has acknowledged the message.
 * What waits or is not yet with all subscribers is `held`, and at its bound nothing is read any more.
 */
export class Publishes {
  readonly inbox: Inbox<Arrival>;
  private readonly options: PublishesOptions;

  constructor(options: PublishesOptions) {
    this.options = options;
    this.inbox = new Inbox<Arrival>({
      toReading: (arrival) => ('reading' in arrival ? arrival.reading : this.message(arrival)),
      bytesOf: ({ bytes }) => bytes,
      onAcknowledged: (arrival) => {
        if ('reading' in arrival) options.held.give(arrival.bytes);
        else this.acknowledged(arrival);
      },
      onFailed: options.onFailed,
    });
  }

  /** aedes' `authorizePublish`. */
  authorize(client: Client | null, packet: PublishPacket, done: Done): void {
    const { held, store } = this.options;
    const unfit = unfitTopic(packet.topic);
    if (unfit !== undefined) return done(new Error(`a message ${unfit}`));
    const bytes = packetBytes(packet);
    let publish: Publish = { client, packet, bytes, done };
    if (client !== null && isExactlyOnce(packet)) {
      // Behind the answer to the first one: aedes then knows the packet id and only answers.
      const answer = (): void => {
        setImmediate(() => {
          held.give(bytes);
          done(null);
        });
      };
      const pending = store.inbound(client).publish(packet.messageId, contentOf(packet), answer);
      if (pending === 'full') return done(new Error('too many messages of QoS 2 wait for their PUBREL'));
      if (pending === 'known') return done(null);
      if (pending === 'waits') return held.take(bytes);
      publish = { ...publish, pending };
    }
    held.take(bytes);
    this.inbox.add(publish);
  }

  /** aedes' `published`: the message is with all subscribers. */
  published(packet: AedesPublishPacket, client: Client | null, done: Done): void {
    const gate = client === null ? undefined : this.options.gateOf(client);
    // What a closed connection had under way was given back when it closed.
    if (gate !== undefined && !gate.closed) {
      const bytes = Math.min(packetBytes(packet), gate.forwarding);
      gate.forwarding -= bytes;
      this.options.held.give(bytes);
    }
    done(null);
  }

  /** Something that is no PUBLISH, in its order among them. Held too: who comes and goes while nothing gets on is not let in without end. */
  tell(reading: Reading): void {
    this.options.held.take(TOLD_BYTES);
    this.inbox.add({ reading, bytes: TOLD_BYTES });
  }

  private acknowledged({ client, bytes, done, pending }: Publish): void {
    const { held, store, gateOf } = this.options;
    const gate = client === null ? undefined : gateOf(client);
    if (gate === undefined || gate.closed) held.give(bytes);
    else gate.forwarding += bytes;
    const repeats = client !== null && pending !== undefined ? store.inbound(client).settle(pending) : [];
    done(null);
    for (const answer of repeats) answer();
  }

  private message({ client, packet }: Publish): Message {
    const { topic, payload, retain, dup } = packet;
    const original = typeof payload === 'string' ? Buffer.from(payload) : payload;
    const { values, problems } = this.readPayload(topic, original, retain);
    const base = { type: 'message', source: client?.id ?? '', address: topic, original, values, problems } as const;
    return isNumbered(packet) ? { ...base, delivery: { packetId: packet.messageId, resent: dup } } : base;
  }

  private readPayload(topic: string, original: Buffer, retained: boolean): PayloadReading {
    if (original.length <= MAX_PAYLOAD_BYTES) return this.options.map.read(topic, original, retained);
    return problemAlone('too-large', `${original.length} bytes, at most ${MAX_PAYLOAD_BYTES} are read.`);
  }
}

type Numbered = PublishPacket & { readonly messageId: number };

/** QoS 1 or 2; a will has no packet id. */
function isNumbered(packet: PublishPacket): packet is Numbered {
  return packet.qos > 0 && packet.messageId !== undefined;
}

/** What is wrong with a topic that somebody wants to publish to, or undefined. */
export function unfitTopic(topic: string): string | undefined {
  if (topic.startsWith(SYSTEM)) return `below ${SYSTEM}, which is reserved`;
  return UNFIT.some((character) => topic.includes(character)) ? 'whose topic is not valid UTF-8' : undefined;
}

/** Topic and payload as a short text that no other message has: 96 bits. */
function contentOf({ topic, payload }: PublishPacket): string {
  return createHash('sha256').update(`${topic}\0`).update(payload).digest('base64').slice(0, 16);
}

function isExactlyOnce(packet: PublishPacket): packet is Numbered {
  return packet.qos === 2 && isNumbered(packet);
}
