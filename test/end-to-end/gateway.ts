import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { messageOf } from '../../edge/core/fault.ts';
import { run, tail, type Output } from '../services/run.ts';
import { freePort, GiveUp, waitFor } from '../services/wait.ts';
import { spawnGateway, type GatewayProcess } from './gateway-process.ts';

/** What the test says of the configuration; version, site, data and addresses are the harness's. */
export interface GatewayConfig {
  /** Topic mappings of the MQTT broker `floor`. */
  readonly topics: readonly Readonly<Record<string, unknown>>[];
  readonly links?: readonly Readonly<Record<string, unknown>>[];
  readonly clock?: Readonly<Record<string, unknown>>;
  readonly log?: Readonly<Record<string, unknown>>;
  readonly historian?: Readonly<Record<string, unknown>>;
}

/** A gateway: the real process with its data in a temporary folder. Disposing of it kills the process and removes the folder. */
export interface Gateway extends AsyncDisposable {
  /** Holds `millrace.yaml`, `data/` and `output.txt`. */
  readonly folder: string;
  readonly configFile: string;
  readonly data: string;
  /** Such as `http://127.0.0.1:8080`. */
  readonly http: string;
  readonly mqttPort: number;
  /** Of the process that runs now, or ran last. */
  readonly pid: number;
  /** When that process was started, on the clock of `performance.now()`. */
  readonly startedMs: number;
  /** Starts the process without waiting for it; `options` go behind its others, this time. */
  start(...options: readonly string[]): void;
  /** Waits until `/readyz` says yes. */
  ready(limitMs?: number): Promise<void>;
  /** Pulls the plug. Data and ports stay. */
  kill9(): Promise<void>;
  /** SIGTERM; an error if it does not end with exit code 0 within 10 s. Returns how long it took (ms). */
  stop(): Promise<number>;
  /** Stops cleanly, starts and waits until it is ready. */
  restart(): Promise<void>;
  /** GET of a path, JSON. Another status than 200 is an error. */
  api(path: string): Promise<unknown>;
  /** GET of a path, as text of the media type. */
  text(path: string, accept: string): Promise<string>;
  /** `millrace <args> -c <this configuration>`; rejects on another exit code than 0. */
  cli(...args: readonly string[]): Promise<Output>;
  /** Waits for a condition while the process runs. */
  until(what: string, condition: () => boolean | Promise<boolean>, limitMs?: number): Promise<void>;
  /** What all its processes have printed. */
  output(): string;
}

export const site = 'northmill';
const launcher = resolve(import.meta.dirname, '..', '..', 'edge', 'millrace.js');
const stopLimitMs = 10_000;

/** Runs any command of the product to its end, whatever its exit code. */
export function millrace(args: readonly string[], cwd: string): Promise<Output> {
  return run(process.execPath, [launcher, ...args], { cwd, anyCode: true, limitMs: 120_000 });
}

/** Starts a gateway with one MQTT broker, named `floor`, and waits until it is ready. */
export async function startGateway(config: GatewayConfig): Promise<Gateway> {
  const [httpPort, mqttPort] = [await freePort(), await freePort()];
  const folder = mkdtempSync(join(tmpdir(), 'millrace-gateway-'));
  const configFile = join(folder, 'millrace.yaml');
  const { topics, ...rest } = config;
  const floor = { name: 'floor', kind: 'mqtt-broker', listen: `127.0.0.1:${mqttPort}`, topics };
  const http = { listen: `127.0.0.1:${httpPort}` };
  // Every JSON text is YAML 1.2.
  const whole = { version: 1, site, data: './data', http, connectors: [floor], ...rest };
  writeFileSync(configFile, JSON.stringify(whole, null, 2));
  return startGatewayIn({ folder, configFile, args: ['start', '-c', configFile], httpPort, mqttPort });
}

/** Where a gateway lives, and how its process is started. */
export interface GatewayPlace {
  /** Goes with the gateway. */
  readonly folder: string;
  /** What the commands are given. Its data is in `data/` of the folder. */
  readonly configFile: string;
  /** Arguments of `millrace` that run a gateway. */
  readonly args: readonly string[];
  readonly httpPort: number;
  readonly mqttPort: number;
}

/** Starts a gateway and waits until it is ready. */
export async function startGatewayIn(place: GatewayPlace): Promise<Gateway> {
  const gateway = new GatewayOfFolder(place);
  try {
    gateway.start();
    await gateway.ready();
    return gateway;
  } catch (error) {
    const printed = tail(gateway.output());
    await gateway[Symbol.asyncDispose]();
    throw new Error(`the gateway did not come up; it printed last:\n${printed}`, { cause: error });
  }
}

class GatewayOfFolder implements Gateway {
  readonly folder: string;
  readonly configFile: string;
  readonly data: string;
  readonly http: string;
  readonly mqttPort: number;
  private readonly args: readonly string[];
  private process: GatewayProcess | undefined;

  constructor({ folder, configFile, args, httpPort, mqttPort }: GatewayPlace) {
    this.folder = folder;
    this.configFile = configFile;
    this.data = join(folder, 'data');
    this.http = `http://127.0.0.1:${httpPort}`;
    this.args = args;
    this.mqttPort = mqttPort;
  }

  private get current(): GatewayProcess {
    if (this.process === undefined) throw new Error('the gateway was never started');
    return this.process;
  }

  get pid(): number {
    return this.current.pid;
  }

  get startedMs(): number {
    return this.current.startedMs;
  }

  start(...options: readonly string[]): void {
    if (this.process?.ended() === undefined && this.process !== undefined) throw new Error('the gateway still runs');
    const args = [launcher, ...this.args, ...options];
    this.process = spawnGateway(process.execPath, args, this.folder, join(this.folder, 'output.txt'));
  }

  async ready(limitMs = 60_000): Promise<void> {
    const ready = async (): Promise<boolean> => {
      const answer = await fetch(`${this.http}/readyz`);
      // What is not ready, and why, is then the cause of the error.
      if (answer.status !== 200) throw new Error(await answer.text());
      return true;
    };
    await this.until('the gateway is ready', ready, limitMs);
  }

  async kill9(): Promise<void> {
    this.mustRun();
    await this.current.kill9();
  }

  async stop(): Promise<number> {
    this.mustRun();
    const startMs = performance.now();
    const how = await this.current.terminate(stopLimitMs);
    if (how !== 0) throw new Error(`the gateway ended with ${how} after SIGTERM:\n${tail(this.output())}`);
    return performance.now() - startMs;
  }

  async restart(): Promise<void> {
    await this.stop();
    this.start();
    await this.ready();
  }

  async api(path: string): Promise<unknown> {
    return JSON.parse(await this.text(path, 'application/json'));
  }

  async text(path: string, accept: string): Promise<string> {
    this.mustRun();
    const answer = await fetch(`${this.http}${path}`, { headers: { accept } });
    const text = await answer.text();
    if (answer.status !== 200) throw new Error(`${path}: ${answer.status} ${text}`);
    return text;
  }

  async cli(...args: readonly string[]): Promise<Output> {
    const all = [...args, '-c', this.configFile];
    const output = await millrace(all, this.folder);
    if (output.code === 0) return output;
    const printed = tail(output.stdout.subarray(-10_000).toString('utf8') + output.stderr);
    throw new Error(`millrace ${all.join(' ')}: exit code ${output.code}\n${printed}`);
  }

  async until(what: string, condition: () => boolean | Promise<boolean>, limitMs?: number): Promise<void> {
    const whileRunning = async (): Promise<boolean> => {
      this.mustRun();
      return await condition();
    };
    await waitFor(what, whileRunning, limitMs).catch((error: unknown) => {
      throw error instanceof GiveUp
        ? error
        : new Error(`${messageOf(error)}; the gateway printed last:\n${tail(this.output())}`, { cause: error });
    });
  }

  /** A gateway that ended by itself fails the test that uses it. */
  private mustRun(): void {
    const how = this.current.ended();
    if (how !== undefined) throw new GiveUp(`the gateway ended with ${how}; it printed last:\n${tail(this.output())}`);
  }

  output(): string {
    return readFileSync(join(this.folder, 'output.txt'), 'utf8');
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.process?.ended() === undefined) await this.process?.kill9();
    if (process.env['MILLRACE_TEST_KEEP'] === '1') process.stderr.write(`kept: ${this.folder}\n`);
    else rmSync(this.folder, { recursive: true, force: true });
  }
}
