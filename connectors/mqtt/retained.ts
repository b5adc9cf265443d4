import type { AedesPublishPacket } from 'aedes';
import { TopicTrie } from '../payload/topic-trie.ts';
import { packetBytes } from './packet-bytes.ts';

/** Retained messages, the last one of each topic (MQTT 3.1.1, section 3.3.1.3), within bounds: beyond them a message is not kept. */
export class Retained {
  private readonly maxMessages: number;
  private readonly maxBytes: number;
  private readonly messages = new Map<string, AedesPublishPacket>();
  private bytes = 0;

  constructor(maxMessages: number, maxBytes: number) {
    this.maxMessages = maxMessages;
    this.maxBytes = maxBytes;
  }

  /** Keeps the message in place of the topic's last one; an empty one only takes that away. */
  keep(packet: AedesPublishPacket): void {
    const before = this.messages.get(packet.topic);
    const others = this.messages.size - (before === undefined ? 0 : 1);
    if (before !== undefined) this.bytes -= packetBytes(before);
    const bytes = packetBytes(packet);
    const fits = others < this.maxMessages && this.bytes + bytes <= this.maxBytes;
    if (packet.payload.length === 0 || !fits) {
      this.messages.delete(packet.topic);
      return;
    }
    // In its old place: behind the others, `matching` would come to it again and again.
    this.messages.set(packet.topic, { ...packet });
    this.bytes += bytes;
  }

  /** Messages whose topics one of the filters matches. */
  *matching(filters: readonly string[]): Generator<AedesPublishPacket> {
    const trie = new TopicTrie<string>();
    for (const filter of filters) trie.add(filter, filter);
    for (const [topic, packet] of this.messages) if (trie.match(topic.split('/')).length > 0) yield packet;
  }
}
