import net from 'node:net';
import { parseArgs } from 'node:util';

/*
 * Load generator: publishes MQTT 3.1.1 QoS 1 over raw sockets and measures the time to each PUBACK. A process of its own, so that its cost is not the gateway's.
 * Prints one line of JSON: {messages, seconds, messagesPerS, p50Ms, p99Ms, maxMs, cpuSeconds}.
 */

const { values } = parseArgs({
  options: {
    port: { type: 'string' },
    clients: { type: 'string', default: '20' },
    window: { type: 'string', default: '50' },
    messages: { type: 'string', default: '100000' },
    rate: { type: 'string', default: '0' },
    tags: { type: 'string', default: '100' },
    topic: { type: 'string', default: 'plant/bench' },
  },
});

const port = Number(values.port);
const clients = Number(values.clients);
const window = Number(values.window);
const total = Number(values.messages);
const ratePerS = Number(values.rate);
const tagsPerClient = Math.max(1, Math.floor(Number(values.tags) / clients));
const PAYLOAD_BYTES = 150;

const latenciesMs = new Float64Array(total);
let acknowledged = 0;
const finished = Promise.withResolvers<void>();
let sent = 0;
const startUs = Date.now() * 1000;

/** One publisher with a window of unacknowledged messages. */
class Publisher {
  private readonly socket: net.Socket;
  private readonly name: string;
  private readonly sentAtMs = new Float64Array(65536);
  private readonly free: number[] = [];
  private rest: Buffer = Buffer.alloc(0);
  private count = 0;

  constructor(index: number) {
    this.name = `load-${index}`;
    this.socket = net.connect(port, '127.0.0.1');
    this.socket.setNoDelay(true);
    for (let id = window; id > 0; id--) this.free.push(id);
  }

  /** Connects; resolves at CONNACK. */
  start(acknowledge: (publisher: Publisher) => void): Promise<void> {
    return new Promise((resolve, reject) => {
      this.socket.on('error', reject);
      this.socket.on('close', () => {
        if (acknowledged >= total) return;
        const lost = new Error(`${this.name}: the connection was closed`);
        reject(lost);
        finished.reject(lost);
      });
      this.socket.on('data', (data: Buffer) => this.take(data, resolve, acknowledge));
      const id = Buffer.from(this.name);
      const body = Buffer.concat([Buffer.from([0, 4, 77, 81, 84, 84, 4, 2, 0, 60, 0, id.length]), id]);
      this.socket.write(Buffer.concat([Buffer.from([0x10, body.length]), body]));
    });
  }

  private take(data: Buffer, onConnected: () => void, acknowledge: (publisher: Publisher) => void): void {
    const bytes = this.rest.length === 0 ? data : Buffer.concat([this.rest, data]);
    let at = 0;
    // Only CONNACK and PUBACK come back, both of four bytes.
    for (; at + 4 <= bytes.length; at += 4) {
      if (bytes[at] === 0x20) {
        onConnected();
        continue;
      }
      const id = bytes.readUInt16BE(at + 2);
      latenciesMs[acknowledged++] = performance.now() - (this.sentAtMs[id] ?? 0);
      this.free.push(id);
    }
    acknowledge(this);
    this.rest = bytes.subarray(at);
  }

  /** Sends up to `limit` messages in one write, as far as the window goes. Returns how many. */
  send(limit: number): number {
    const packets: Buffer[] = [];
    const nowMs = performance.now();
    while (packets.length < limit && sent < total) {
      const id = this.free.pop();
      if (id === undefined) break;
      this.sentAtMs[id] = nowMs;
      packets.push(this.packet(id));
      sent++;
    }
    if (packets.length > 0) this.socket.write(Buffer.concat(packets));
    return packets.length;
  }

  private packet(id: number): Buffer {
    const n = this.count++;
    const topic = `${values.topic}/${this.name}/t${n % tagsPerClient}`;
    const text = `{"timestamp":${startUs + n},"value":${(n % 1000) / 10}`;
    const payload = `${text},"note":"${'x'.repeat(Math.max(0, PAYLOAD_BYTES - text.length - 10))}"}`;
    const length = 2 + topic.length + 2 + payload.length;
    const packet = Buffer.allocUnsafe(3 + length);
    packet[0] = 0x32;
    packet[1] = (length & 0x7f) | 0x80;
    packet[2] = length >> 7;
    packet.writeUInt16BE(topic.length, 3);
    packet.write(topic, 5, 'latin1');
    packet.writeUInt16BE(id, 5 + topic.length);
    packet.write(payload, 7 + topic.length, 'latin1');
    return packet;
  }

  end(): void {
    this.socket.end(Buffer.from([0xe0, 0]));
  }
}

const publishers = Array.from({ length: clients }, (_, index) => new Publisher(index));

/** After each acknowledgement: as fast as the window allows, or nothing at a steady rate. */
function onAcks(publisher: Publisher): void {
  if (ratePerS === 0) publisher.send(window);
  if (acknowledged >= total) finished.resolve();
}

/** At a steady rate, spread over the publishers. */
function pace(startMs: number): void {
  let turn = 0;
  const timer = setInterval(() => {
    const due = Math.min(total, Math.floor(((performance.now() - startMs) / 1000) * ratePerS));
    const share = Math.max(1, Math.ceil((due - sent) / clients));
    for (let tries = 0; tries < clients; tries++) if (sent < due) publishers[turn++ % clients]?.send(share);
    if (sent >= total) clearInterval(timer);
  }, 1);
}

await Promise.all(publishers.map((publisher) => publisher.start(onAcks)));
const startMs = performance.now();
if (ratePerS > 0) pace(startMs);
else for (const publisher of publishers) publisher.send(window);
await finished.promise;
const seconds = (performance.now() - startMs) / 1000;
for (const publisher of publishers) publisher.end();
latenciesMs.sort();
const at = (share: number): number => latenciesMs[Math.min(total - 1, Math.floor(total * share))] ?? 0;
const cpu = process.cpuUsage();
process.stdout.write(
  `${JSON.stringify({
    messages: total,
    seconds,
    messagesPerS: total / seconds,
    p50Ms: at(0.5),
    p99Ms: at(0.99),
    maxMs: at(1),
    cpuSeconds: (cpu.user + cpu.system) / 1e6,
  })}\n`,
);
