import { type ChildProcess, spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { z } from 'zod';
import type { DemoFault, DemoServices } from '../api/services.ts';
import { parseTime } from '../api/time-text.ts';
import { Fault, messageOf } from '../core/fault.ts';

/** How the simulated plant is started. */
export interface PlantOptions {
  readonly seed: number;
  /** How far before now its story begins, ms. */
  readonly pastMs: number;
  /** Broker for its MQTT devices. */
  readonly mqtt: string;
  /** Told when it ended without being asked to, after it had started. */
  readonly onEnded: (why: string) => void;
  /** Its program; left out: the one of the project. */
  readonly main?: string;
  /** It must listen after so long, ms. */
  readonly startLimitMs?: number;
}

/** Where the plant listens. */
export interface PlantAddresses {
  readonly opcua: string;
  /** `HOST:PORT` */
  readonly modbus: string;
}

const MAIN = fileURLToPath(new URL('../../firmware-sim/main.ts', import.meta.url));
const START_LIMIT_MS = 60_000;
const STOP_LIMIT_MS = 5000;
const CONTROL_LIMIT_MS = 5000;

const addressesSchema = z.object({ opcua: z.string(), modbus: z.string(), control: z.url() });
const faultsSchema = z.object({
  items: z.array(
    z.object({
      name: z.string(),
      description: z.string(),
      asset: z.string(),
      signals: z.array(z.string()),
      active: z.boolean(),
      since: z.string().nullable(),
    }),
  ),
});

/** The simulated plant as a process of its own, known by its protocols and its control port alone. */
export class DemoPlant implements DemoServices {
  private readonly options: PlantOptions;
  private readonly site: string;
  /** Until it has ended. */
  private child: ChildProcess | undefined;
  private control = '';
  private stopping = false;
  private said = '';

  constructor(site: string, options: PlantOptions) {
    this.site = site;
    this.options = options;
  }

  /** Starts it; resolves when its servers listen. Throws `demo-plant-failed`, also when the signal gives it up; `stop` ends what was started. */
  async start(signal?: AbortSignal): Promise<PlantAddresses> {
    const { seed, pastMs, mqtt, main = MAIN, startLimitMs = START_LIMIT_MS } = this.options;
    const past = `${Math.floor(pastMs / 1000)}s`;
    const child = spawn(process.execPath, [main, '--seed', String(seed), '--past', past, '--mqtt', mqtt], {
      stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
    });
    this.child = child;
    child.stderr?.on('data', (text: Buffer) => {
      this.said = (this.said + text.toString()).slice(-2000);
    });
    const ended = new Promise<string>((resolve) => {
      child.once('error', (error) => resolve(error.message));
      child.once('exit', (code, killed) => resolve(`${killed ?? `exit code ${code}`}${this.said && `: ${this.said}`}`));
    });
    void this.forget(ended);
    const late = new Fault('demo-plant-failed', `It did not listen after ${startLimitMs / 1000} s.`);
    const givenUp = Promise.withResolvers<never>();
    const limit = setTimeout(() => givenUp.reject(late), startLimitMs);
    const giveUp = (): void => givenUp.reject(new Fault('demo-plant-failed', 'It was told to end.'));
    signal?.addEventListener('abort', giveUp, { once: true });
    try {
      const { opcua, modbus, control } = addressesOf(
        await Promise.race([firstLine(child), ended.then(failed), givenUp.promise]),
      );
      this.control = control;
      return { opcua, modbus };
    } finally {
      clearTimeout(limit);
      signal?.removeEventListener('abort', giveUp);
    }
  }

  private async forget(ended: Promise<string>): Promise<void> {
    const why = await ended;
    this.child = undefined;
    if (!this.stopping && this.control !== '') this.options.onEnded(why);
  }

  async faults(): Promise<DemoFault[]> {
    const { items } = faultsSchema.parse(await this.ask('GET', '/faults'));
    return items.map(({ since, asset, signals, ...rest }) => ({
      ...rest,
      asset: `${this.site}/${asset}`,
      signals: signals.map((signal) => `${this.site}/${signal}`),
      sinceUs: since === null ? null : parseTime(since),
    }));
  }

  async setFault(name: string, on: boolean): Promise<void> {
    await this.ask(on ? 'POST' : 'DELETE', `/faults/${encodeURIComponent(name)}`);
  }

  private async ask(method: string, path: string): Promise<unknown> {
    let response: Response;
    try {
      response = await fetch(this.control + path, { method, signal: AbortSignal.timeout(CONTROL_LIMIT_MS) });
    } catch (error) {
      throw new Fault('demo-plant-failed', messageOf(error), { cause: error });
    }
    if (response.status === 404) throw new Fault('not-found', `The plant has no ${path.slice(1)}.`);
    if (!response.ok) throw new Fault('demo-plant-failed', `${method} ${path}: status ${response.status}`);
    return response.json();
  }

  async stop(): Promise<void> {
    const { child } = this;
    this.stopping = true;
    if (child === undefined) return;
    const exited = new Promise((resolve) => child.once('exit', resolve));
    child.kill('SIGTERM');
    const kill = setTimeout(() => child.kill('SIGKILL'), STOP_LIMIT_MS);
    await exited;
    clearTimeout(kill);
  }
}

function firstLine(child: ChildProcess): Promise<string> {
  return new Promise((resolve) => {
    if (child.stdout !== null) createInterface({ input: child.stdout }).once('line', resolve);
  });
}

function failed(why: string): never {
  throw new Fault('demo-plant-failed', why);
}

function addressesOf(line: string): z.output<typeof addressesSchema> {
  try {
    return addressesSchema.parse(JSON.parse(line));
  } catch (error) {
    throw new Fault('demo-plant-failed', `It said ${JSON.stringify(line.slice(0, 200))}.`, { cause: error });
  }
}
