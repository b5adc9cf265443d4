import { join } from 'node:path';
import { type GoProgram, goFile, installGo } from './go-program.ts';
import { run } from './run.ts';
import { promlibModule } from './versions.ts';

const grafana: GoProgram = {
  name: 'grafana-prometheus',
  module: promlibModule,
  package: { file: join(import.meta.dirname, 'grafana', 'main.go') },
};

/** The program around Grafana's own Prometheus data source, whether it is installed or not. */
export function grafanaFile(): string {
  return goFile(grafana);
}

/** Builds it; some minutes the first time. Returns whether there was something to do. */
export function installGrafana(): Promise<boolean> {
  return installGo(grafana);
}

/** A series of a panel. */
export interface GrafanaSeries {
  readonly labels: Readonly<Record<string, string>>;
  /** ms. */
  readonly times: readonly number[];
  readonly values: readonly number[];
}

/** A data source of Grafana at this address; POST is the HTTP method of a new one. */
export class GrafanaSource {
  private readonly url: string;
  private readonly method: 'GET' | 'POST';

  constructor(url: string, method: 'GET' | 'POST' = 'POST') {
    this.url = url;
    this.method = method;
  }

  /** What "Save & test" says. */
  async health(): Promise<{ readonly status: string; readonly message: string }> {
    return (await this.ask('health')) as { status: string; message: string };
  }

  /** What a panel of so many pixels gets for an expression; `$__interval` and its like are filled in. Throws what Grafana would show beside the panel. */
  async panel(expression: string, fromMs: number, toMs: number, pixels: number): Promise<readonly GrafanaSeries[]> {
    const { series, error } = (await this.ask('query', expression, String(fromMs), String(toMs), String(pixels))) as {
      series?: GrafanaSeries[];
      error?: string;
    };
    if (series === undefined) throw new Error(error);
    return series;
  }

  /** What the editor and the variables ask, such as `api/v1/labels`. */
  async resource(path: string): Promise<unknown> {
    const { status, body } = (await this.ask('resource', path)) as { status: number; body: { data: unknown } };
    if (status !== 200) throw new Error(`${path}: ${status} ${JSON.stringify(body)}`);
    return body.data;
  }

  private async ask(...args: readonly string[]): Promise<unknown> {
    const { stdout } = await run(grafanaFile(), [this.url, ...args], { env: { GRAFANA_METHOD: this.method } });
    return JSON.parse(stdout.toString('utf8'));
  }
}
