import { ByteWriter } from '../core/byte-writer.ts';
import { type Sample, ValueKind } from '../core/sample.ts';
import { writeSample } from '../core/sample-codec.ts';

/**
 * 96 bits that stand for (tag, time, value, quality), or for (tag, client, packet id, value, quality) where the device gives no time. Chance of a false match among a million
 * samples: below 1e-22 a sample. Not cryptographic: a device that makes collisions on purpose can only hide its own samples.
 */
export class Fingerprint {
  a = 0;
  b = 0;
  c = 0;
  private readonly numbers = new DataView(new ArrayBuffer(8));
  private readonly scratch = new ByteWriter(256);

  /** Begins with the tag's path. */
  begin(key: Uint8Array): void {
    this.a = 0x9747b28c;
    this.b = 0x85ebca6b;
    this.c = 0x27d4eb2f;
    this.addBytes(key);
  }

  /** Adds the value and the quality; with `time` also the device's time. */
  addSample(sample: Sample, time: boolean): void {
    this.add((sample.kind << 1) | (time ? 1 : 0));
    this.add(sample.quality);
    if (time) this.addDouble(sample.timeUs);
    const { kind, value } = sample;
    if (kind === ValueKind.null) return;
    if (typeof value === 'boolean') return this.add(value ? 1 : 0);
    if (typeof value === 'number' && kind !== ValueKind.long) return this.addDouble(value);
    // Rare kinds: their encoded bytes, at time 0 so that only the value counts.
    this.scratch.reset();
    writeSample(this.scratch, { ...sample, timeUs: 0, quality: 0, flags: 0, serverTimeUs: null });
    this.addBytes(this.scratch.bytes.subarray(0, this.scratch.length));
  }

  /** Adds who delivered it, under which packet id. */
  addDelivery(client: Uint8Array, packetId: number): void {
    this.add(packetId | 0x40000000);
    this.addBytes(client);
  }

  private addDouble(value: number): void {
    this.numbers.setFloat64(0, value);
    this.add(this.numbers.getInt32(0));
    this.add(this.numbers.getInt32(4));
  }

  private addBytes(bytes: Uint8Array): void {
    let word = 0;
    for (let i = 0; i < bytes.length; i++) {
      word = (word << 8) | (bytes[i] ?? 0);
      if ((i & 3) === 3) this.add(word);
    }
    this.add(word ^ bytes.length);
  }

  /** Mixes one word into three lanes with different constants (the steps of MurmurHash3's body). */
  private add(word: number): void {
    let k = Math.imul(word, 0xcc9e2d51);
    k = (k << 15) | (k >>> 17);
    this.a ^= Math.imul(k, 0x1b873593);
    this.a = (Math.imul((this.a << 13) | (this.a >>> 19), 5) + 0xe6546b64) | 0;
    k = Math.imul(word ^ this.a, 0x239b961b);
    k = (k << 16) | (k >>> 16);
    this.b ^= Math.imul(k, 0xab0e9789 | 0);
    this.b = (Math.imul((this.b << 19) | (this.b >>> 13), 5) + 0x561ccd1b) | 0;
    k = Math.imul(word + this.b, 0x38b34ae5);
    k = (k << 17) | (k >>> 15);
    this.c ^= Math.imul(k, 0xa1e38b93 | 0);
    this.c = (Math.imul((this.c << 17) | (this.c >>> 15), 5) + 0x0bcaa747) | 0;
  }
}
