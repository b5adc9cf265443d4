/** Packet types of MQTT 3.1.1 (table 2.1) that the gate looks for. */
export const PacketType = { connect: 1, publish: 3, disconnect: 14 } as const;

/** Told about each packet as soon as its fixed header is there. `stop` ends the scan right there: what follows is to be scanned another time. */
export interface PacketWatcher {
  /** A packet begins; its remaining length in bytes. From `at` on the chunk has its body, as far as it is there, and whatever follows. */
  begin(type: number, length: number, chunk: Buffer, at: number): 'go' | 'stop';
  /** The packet is complete. */
  end(type: number): 'go' | 'stop';
  /** The remaining length has more than four bytes (section 2.2.3). The scan ends. */
  malformed(): void;
}

/** Finds the packets in a stream that comes in chunks, without keeping or copying any of it. */
export class PacketScanner {
  private readonly watcher: PacketWatcher;
  private phase: 'type' | 'length' | 'body' = 'type';
  private type = 0;
  private length = 0;
  /** What a bit of the next byte of the length counts. */
  private weight = 1;
  private missing = 0;

  constructor(watcher: PacketWatcher) {
    this.watcher = watcher;
  }

  /** Remaining length of the packet that is going on, and what is missing of it, bytes; undefined between packets. */
  get unfinished(): { readonly length: number; readonly missing: number } | undefined {
    return this.phase === 'body' ? { length: this.length, missing: this.missing } : undefined;
  }

  /** Where in the chunk that was scanned last the last packet begins; 0 if it began before. */
  packetAt = 0;

  /** Scans a chunk. Returns how much of it was scanned: less than all if it was stopped. */
  scan(chunk: Buffer): number {
    let at = 0;
    this.packetAt = 0;
    while (at < chunk.length) {
      if (this.phase === 'body') {
        const taken = Math.min(this.missing, chunk.length - at);
        this.missing -= taken;
        at += taken;
        if (this.missing === 0 && this.finish() === 'stop') return at;
        continue;
      }
      const byte = chunk[at++] ?? 0;
      if (this.phase === 'type') {
        this.type = byte >> 4;
        this.packetAt = at - 1;
        this.phase = 'length';
        continue;
      }
      this.length += (byte & 0x7f) * this.weight;
      this.weight *= 128;
      if (byte < 0x80) {
        if (this.start(chunk, at) === 'stop') return at;
      } else if (this.weight > 128 ** 3) {
        this.watcher.malformed();
        return at;
      }
    }
    return at;
  }

  private start(chunk: Buffer, at: number): 'go' | 'stop' {
    this.phase = 'body';
    this.missing = this.length;
    const next = this.watcher.begin(this.type, this.length, chunk, at);
    if (next === 'stop' || this.length > 0) return next;
    // An empty packet ends where its header does.
    return this.finish();
  }

  private finish(): 'go' | 'stop' {
    this.phase = 'type';
    this.length = 0;
    this.weight = 1;
    return this.watcher.end(this.type);
  }
}
