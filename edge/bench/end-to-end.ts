import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { writeFile } from 'node:fs/promises';
import path from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { z } from 'zod';
import { Fault } from '../core/fault.ts';
import { Figures } from './figures.ts';
import { cpuSeconds, residentMb } from './process-usage.ts';
import type { BenchFindings } from './report.ts';
import { startMosquittoToFile } from './rival-mosquitto.ts';
import { begin, type Belongings, freePort, type Target } from './target.ts';

/** What one run of the load generator printed. */
const loadSchema = z.object({
  messages: z.number(),
  seconds: z.number(),
  messagesPerS: z.number(),
  p50Ms: z.number(),
  p99Ms: z.number(),
  maxMs: z.number(),
  cpuSeconds: z.number(),
});
type Load = z.infer<typeof loadSchema>;

export interface EndToEndOptions {
  /** Ends within 60 s: fewer messages, one run. */
  readonly quick: boolean;
  readonly onProgress: (line: string) => void;
  /** Ends the measuring; what was started for it is ended too. */
  readonly signal: AbortSignal;
}

const CLIENTS = 20;
const STEADY_PER_S = 2000;
/** On a machine that does much else too. */
const READY_LIMIT_MS = 60_000;

const SYSTEMS = [
  { system: 'millrace', promises: 'durable: synced to the disk (fdatasync); queryable: the historian answers' },
  { system: 'mosquitto+mosquitto_sub', promises: 'durable: in memory; queryable: a line in a file, in the page cache' },
];
const CONDITIONS = [
  `MQTT 3.1.1 QoS 1, ${CLIENTS} clients with 50 messages in flight each, 100 tags, JSON payloads of 150 bytes; the load generator runs on the same machine.`,
];

/**
 * MQTT QoS 1 to durable (PUBACK) and to queryable, at full rate and at a steady 2,000 messages/s, 150-byte JSON payloads, 20 clients with 50 messages in flight each, 100 tags;
 * mosquitto with a subscriber that writes a file beside it, in alternating runs (it promises less: nothing is synced).
 */
export async function benchEndToEnd({ quick, onProgress, signal }: EndToEndOptions): Promise<BenchFindings> {
  const runs = quick ? 1 : 5;
  const messages = quick ? 50_000 : 200_000;
  const figures = new Figures('end-to-end');
  for (let run = 1; run <= runs; run++) {
    for (const start of [() => begin((belongings) => startGateway(belongings)), startMosquittoToFile]) {
      signal.throwIfAborted();
      const target = await start();
      if (target === undefined) continue;
      try {
        onProgress(`run ${run} of ${runs}: ${target.system}`);
        await measure(target, { messages, steadySeconds: quick ? 5 : 10, signal }, figures);
      } finally {
        await target.stop();
      }
    }
  }
  return { systems: SYSTEMS, conditions: CONDITIONS, results: figures.results() };
}

async function measure(
  target: Target,
  { messages, steadySeconds, signal }: { messages: number; steadySeconds: number; signal: AbortSignal },
  figures: Figures,
): Promise<void> {
  const { system, pids } = target;
  const used = (): number => pids.reduce((sum, pid) => sum + cpuSeconds(pid), 0);
  const resident = (): number => pids.reduce((sum, pid) => sum + residentMb(pid), 0);
  figures.note(system, 'idle.memory_mb', 'MB', resident());
  const cpuBefore = used();
  const startMs = performance.now();
  const full = await load({ port: target.port, messages, rate: 0, name: 'full' }, signal);
  const fullMemory = resident();
  await target.queryable(messages, signal);
  const queryableSeconds = (performance.now() - startMs) / 1000;
  const cpuFull = used() - cpuBefore;
  figures.note(system, 'durable.messages_per_s', 'messages/s', full.messagesPerS);
  figures.note(system, 'durable.full_rate_ms_p50', 'ms', full.p50Ms);
  figures.note(system, 'durable.full_rate_ms_p99', 'ms', full.p99Ms);
  figures.note(system, 'queryable.messages_per_s', 'messages/s', messages / queryableSeconds);
  figures.note(system, 'cpu_us_per_message', 'µs', (cpuFull * 1e6) / messages);
  figures.note(system, 'memory_mb', 'MB', fullMemory);
  figures.note(system, 'load_generator.cpu_us_per_message', 'µs', (full.cpuSeconds * 1e6) / messages);
  const steadyMessages = STEADY_PER_S * steadySeconds;
  const cpuSteady = used();
  const steady = await load(
    { port: target.port, messages: steadyMessages, rate: STEADY_PER_S, name: 'steady' },
    signal,
  );
  await target.queryable(messages + steadyMessages, signal);
  figures.note(system, 'durable.steady_2000_ms_p50', 'ms', steady.p50Ms);
  figures.note(system, 'durable.steady_2000_ms_p99', 'ms', steady.p99Ms);
  figures.note(system, 'steady_2000.cpu_percent', '% of a core', ((used() - cpuSteady) / steady.seconds) * 100);
}

/** Runs the load generator in a process of its own. */
async function load(
  { port, messages, rate, name }: { port: number; messages: number; rate: number; name: string },
  signal: AbortSignal,
): Promise<Load> {
  const script = path.join(import.meta.dirname, 'mqtt-load.ts');
  const options = { port, messages, rate, clients: CLIENTS, window: 50, tags: 100, topic: `bench/${name}` };
  const args = Object.entries(options).flatMap(([key, value]) => [`--${key}`, String(value)]);
  const child = spawn(process.execPath, [script, ...args], { stdio: ['ignore', 'pipe', 'inherit'], signal });
  let output = '';
  child.stdout.on('data', (data: Buffer) => {
    output += data.toString();
  });
  const [code] = (await once(child, 'close')) as [number | null];
  if (code !== 0) throw new Fault('internal', `The load generator ended with exit code ${code}.`);
  return loadSchema.parse(JSON.parse(output));
}

/** A gateway, and where its HTTP listens. */
export interface Gateway extends Target {
  readonly url: string;
}

/** Starts a gateway on a temporary folder, or on one whose `data` may be there. `config`: more of its configuration. */
export async function startGateway(
  belongings: Belongings,
  { folder: given, config = '' }: { readonly folder?: string; readonly config?: string } = {},
): Promise<Gateway> {
  const folder = given ?? (await belongings.folder());
  const [mqttPort, httpPort] = await Promise.all([freePort(), freePort()]);
  const file = path.join(folder, 'millrace.yaml');
  await writeFile(
    file,
    `version: 1
site: bench
data: ./data
http: { listen: 127.0.0.1:${httpPort} }
${config}connectors:
  - name: floor
    kind: mqtt-broker
    listen: 127.0.0.1:${mqttPort}
    topics: [ { match: "bench/+/+/+", payload: json, tag: "{1}/{2}/{3}", value: $.value, time: $.timestamp, timeFormat: us } ]
`,
  );
  const launcher = path.join(import.meta.dirname, '..', 'millrace.js');
  const child = belongings.process(
    spawn(process.execPath, [launcher, 'start', '-c', file], { stdio: ['ignore', 'ignore', 'inherit'] }),
  );
  const url = `http://127.0.0.1:${httpPort}`;
  await untilReady(child, url);
  const queryable = async (messages: number, signal: AbortSignal): Promise<void> => {
    while ((await metric(url, 'millrace_historian_points_total')) < messages) await delay(20, undefined, { signal });
  };
  return { system: 'millrace', port: mqttPort, url, pids: [child.pid ?? 0], queryable, stop: () => belongings.end() };
}

async function untilReady(child: ChildProcess, url: string): Promise<void> {
  const limitMs = performance.now() + READY_LIMIT_MS;
  while (performance.now() < limitMs) {
    if (child.exitCode !== null || child.signalCode !== null)
      throw new Fault('internal', `The gateway ended with ${child.exitCode ?? child.signalCode}.`);
    const ready = await fetch(`${url}/readyz`).then(
      (response) => response.ok,
      () => false,
    );
    if (ready) return;
    await delay(50);
  }
  throw new Fault('internal', `The gateway was not ready within ${READY_LIMIT_MS / 1000} s.`);
}

async function metric(url: string, name: string): Promise<number> {
  const text = await (await fetch(`${url}/metrics`)).text();
  const match = new RegExp(`^${name} (\\S+)$`, 'm').exec(text);
  return Number(match?.[1] ?? 0);
}
