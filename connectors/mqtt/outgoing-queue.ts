import { packetBytes } from './packet-bytes.ts';

/** A packet on its way to a subscriber: a PUBLISH, or the PUBREL that takes its place. aedes tells its messages apart by broker id and counter. */
export interface QueuedPacket {
  readonly cmd: string;
  readonly topic?: string;
  readonly payload?: string | Buffer;
  readonly qos?: number;
  readonly brokerId?: string;
  readonly brokerCounter?: number;
  messageId?: number;
}

/** Messages that wait for one persistent session until it has confirmed them. At a bound a further message does not wait. */
export class OutgoingQueue {
  private readonly maxMessages: number;
  private readonly maxBytes: number;
  /** Shared with the queues of other sessions. */
  private readonly shared: { bytes: number };
  private packets: QueuedPacket[] = [];

  constructor(maxMessages: number, maxBytes: number, shared: { bytes: number }) {
    this.maxMessages = maxMessages;
    this.maxBytes = maxBytes;
    this.shared = shared;
  }

  /** Queues a message, at most with the QoS of the subscription. */
  push(packet: QueuedPacket, qos = 2): void {
    const bytes = bytesOf(packet);
    if (this.packets.length >= this.maxMessages || this.shared.bytes + bytes > this.maxBytes) return;
    const { messageId: _none, ...message } = packet;
    this.packets.push({ ...message, qos: Math.min(packet.qos ?? 0, qos) });
    this.shared.bytes += bytes;
  }

  /** Gives a queued message its packet id, or puts a PUBREL in the place of the message with its packet id. */
  update(packet: QueuedPacket): void {
    for (const [i, queued] of this.packets.entries()) {
      if (queued.brokerId === packet.brokerId) {
        if (queued.brokerCounter !== packet.brokerCounter) continue;
        if (packet.messageId !== undefined) queued.messageId = packet.messageId;
        return;
      }
      if (queued.messageId === packet.messageId) {
        this.shared.bytes += bytesOf(packet) - bytesOf(queued);
        this.packets[i] = { ...packet };
        return;
      }
    }
  }

  /** Takes away and returns what has that packet id. */
  remove(messageId: number | undefined): QueuedPacket | undefined {
    const at = messageId === undefined ? -1 : this.packets.findIndex((packet) => packet.messageId === messageId);
    const [removed] = at < 0 ? [] : this.packets.splice(at, 1);
    if (removed !== undefined) this.shared.bytes -= bytesOf(removed);
    return removed;
  }

  /** All that waits, oldest first. */
  snapshot(): QueuedPacket[] {
    return [...this.packets];
  }

  clear(): void {
    for (const packet of this.packets) this.shared.bytes -= bytesOf(packet);
    this.packets = [];
  }
}

function bytesOf({ topic = '', payload = '' }: QueuedPacket): number {
  return packetBytes({ topic, payload });
}
