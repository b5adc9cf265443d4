import { readFileSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { describe, expect, test } from 'vitest';
import { parse } from 'yaml';
import { type GrafanaSeries, GrafanaSource } from '../services/grafana.ts';
import { requireService } from '../services/require.ts';
import { figure } from './figures.ts';
import { type Gateway, site, startGateway } from './gateway.ts';

const service = requireService('grafana');
const examples = resolve(import.meta.dirname, '..', '..', 'docs', 'examples');
const T0 = Date.UTC(2020, 2, 1);
const SECONDS = 3600;

/** What a dashboard has of this. */
interface Dashboard {
  readonly panels: readonly { readonly title: string; readonly targets: readonly { readonly expr: string }[] }[];
  readonly templating: {
    readonly list: readonly { readonly name: string; readonly query: { readonly query: string } }[];
  };
}

/** Value of a pump at a second; null: bad. */
function flow(pump: number, second: number): number | null {
  return second >= 1800 && second < 2400 ? null : pump * 100 + (second % 60);
}

/** An hour of two pumps, a value a second, bad for ten minutes, and texts that are no numbers. */
async function gatewayWithPumps(): Promise<Gateway> {
  const gateway = await startGateway({ topics: [{ match: 'plant/#' }] });
  const lines = ['tag,time,value,quality'];
  for (let second = 0; second < SECONDS; second++) {
    const time = new Date(T0 + second * 1000).toISOString();
    for (const pump of [1, 2]) {
      const value = flow(pump, second);
      lines.push(`hall/pump${pump}/flow,${time},${value ?? ''},${value === null ? 'Bad' : 'Good'}`);
      lines.push(`hall/pump${pump}/on,${time},${second % 2 === 0},Good`);
    }
    lines.push(`hall/pump1/state,${time},running,Good`);
  }
  writeFileSync(join(gateway.folder, 'hour.csv'), `${lines.join('\n')}\n`);
  writeFileSync(join(gateway.folder, 'map.yaml'), 'unmapped: keep\ntags: [{ match: "hall/*/flow", unit: m3/h }]\n');
  await gateway.cli('import', 'hour.csv', '--map', 'map.yaml');
  return gateway;
}

/** Minutes behind the beginning at which a series has values. */
function minutes(series: GrafanaSeries | undefined): number[] {
  return (series?.times ?? []).map((time) => (time - T0) / 60_000);
}

describe.skipIf(!service.available)("Grafana's own Prometheus data source", () => {
  test('tests its connection, finds tags for variables, and shows every panel of the example', async () => {
    await using gateway = await gatewayWithPumps();
    const { datasources } = parse(readFileSync(join(examples, 'grafana-datasource.yaml'), 'utf8')) as {
      datasources: { url: string; jsonData: { httpMethod: string } }[];
    };
    expect(datasources[0]).toMatchObject({ type: 'prometheus', jsonData: { httpMethod: 'POST' } });
    const url = new URL(datasources[0]?.url ?? '');
    const grafana = new GrafanaSource(`${gateway.http}${url.pathname}`);
    expect(await grafana.health()).toEqual({ status: 'OK', message: 'Successfully queried the Prometheus API.' });

    const dashboard = JSON.parse(readFileSync(join(examples, 'grafana-dashboard.json'), 'utf8')) as Dashboard;
    expect(dashboard.templating.list.map(({ query }) => query.query)).toEqual([
      'label_values(millrace, asset)',
      'label_values(millrace{asset="$asset"}, tag)',
    ]);
    const span = `start=${T0 / 1000}&end=${T0 / 1000 + SECONDS}`;
    const values = (label: string, selector: string) =>
      grafana.resource(`api/v1/label/${label}/values?match[]=${encodeURIComponent(selector)}&${span}`);
    expect(await values('asset', 'millrace')).toEqual([`${site}/hall/pump1`, `${site}/hall/pump2`]);
    const tags = (await values('tag', `millrace{asset="${site}/hall/pump1"}`)) as string[];
    expect(tags).toEqual([`${site}/hall/pump1/flow`, `${site}/hall/pump1/on`]);

    // As Grafana fills in a variable with several values.
    const chosen = `(${tags.map((tag) => tag.replaceAll('.', String.raw`\\.`)).join('|')})`;
    for (const { title, targets } of dashboard.panels)
      for (const { expr } of targets) {
        const series = await grafana.panel(expr.replaceAll('$tag', chosen), T0, T0 + SECONDS * 1000, 600);
        figure(
          `${title}, points`,
          series.reduce((sum, { times }) => sum + times.length, 0),
        );
        expect(series.map(({ labels }) => labels['tag'])).toEqual(tags);
      }
  });

  test('gets the values of the historian: held, of windows, of several tags, and none where they were bad', async () => {
    await using gateway = await gatewayWithPumps();
    const grafana = new GrafanaSource(`${gateway.http}/prometheus`);
    const panel = async (expression: string, from = 0, to = SECONDS, pixels = 60): Promise<readonly GrafanaSeries[]> =>
      await grafana.panel(expression, T0 + from * 1000, T0 + to * 1000, pixels);
    const one = `millrace{tag="${site}/hall/pump1/flow"}`;

    // A step of a minute: the value of that very second, and behind the last good one, which holds for less than five minutes, that one.
    const [held] = await panel(one);
    expect(held?.labels).toEqual({
      __name__: 'millrace',
      asset: `${site}/hall/pump1`,
      name: 'flow',
      tag: `${site}/hall/pump1/flow`,
      type: 'double',
      unit: 'm3/h',
    });
    expect(minutes(held)).toEqual([...Array(61).keys()].filter((minute) => minute <= 34 || minute >= 40));
    const isHeld = minutes(held).map((minute) => (minute >= 30 && minute <= 34) || minute === 60);
    expect(held?.values).toEqual(isHeld.map((is) => (is ? 159 : 100)));

    const [means] = await panel(`avg_over_time(${one}[$__interval])`);
    expect(minutes(means)).toEqual(
      [...Array(60).keys()].map((i) => i + 1).filter((minute) => minute <= 30 || minute > 40),
    );
    expect(new Set(means?.values)).toEqual(new Set([129.5]));
    const values = async (expression: string): Promise<unknown[]> =>
      (await panel(expression, 600, 660, 1)).map((series) => series.values.at(-1));
    expect(await values(`min_over_time(${one}[5m])`)).toEqual([100]);
    expect(await values(`max_over_time(${one}[5m])`)).toEqual([159]);
    expect(await values(`sum_over_time(${one}[1m])`)).toEqual([7770]);
    expect(await values(`count_over_time(${one}[90s])`)).toEqual([90]);
    expect(await values(`last_over_time(${one}[30s]) * 2 + 1`)).toEqual([319]);
    expect(await values(`avg_over_time(millrace{name="on"}[2m])`)).toEqual([0.5, 0.5]);
    expect(await values('sum(millrace{name="flow"})')).toEqual([300]);
    expect(await values('max by (asset) (millrace{asset=~".*/pump2"})')).toEqual([200]);
    await expect(panel('rate(millrace[5m])')).rejects.toThrow('the function rate is not answered');
    await expect(panel('millrace{tag=~"["}')).rejects.toThrow('not read in a pattern');
    expect((await panel('millrace{tag="nowhere"}')).flatMap(({ times }) => times)).toEqual([]);
  });

  test('what an editor asks besides', async () => {
    await using gateway = await gatewayWithPumps();
    const grafana = new GrafanaSource(`${gateway.http}/prometheus`, 'GET');
    expect((await grafana.health()).status).toBe('OK');
    expect(await grafana.panel(`millrace{name="flow"}`, T0, T0 + SECONDS * 1000, 60)).toHaveLength(2);
    expect(await grafana.resource('api/v1/label/__name__/values')).toEqual(['millrace']);
    expect(await grafana.resource('api/v1/labels?match[]=millrace')).toEqual([
      '__name__',
      'asset',
      'name',
      'tag',
      'type',
      'unit',
    ]);
    expect(await grafana.resource('api/v1/metadata?limit=100')).toEqual({
      millrace: [{ type: 'gauge', help: 'Value of a tag.', unit: '' }],
    });
    expect(
      await grafana.resource(`api/v1/series?match[]=${encodeURIComponent('{__name__="millrace",name="flow"}')}`),
    ).toHaveLength(2);
    expect(await grafana.resource('api/v1/status/buildinfo')).toMatchObject({ application: 'Millrace' });
    const status = async (query: string): Promise<number> =>
      (await fetch(`${gateway.http}/prometheus/api/v1/${query}`)).status;
    expect(await status('query_range?query=1&start=0&end=10&step=0')).toBe(400);
    expect(await status('query_range?query=1&start=0&end=100000&step=1')).toBe(400);
    expect(await status('query_range?query=millrace&start=10&end=0&step=1')).toBe(400);
    expect(await status('query?query=1%2B1')).toBe(200);
    const instant = (await (
      await fetch(
        `${gateway.http}/prometheus/api/v1/query?query=count_over_time(millrace{name="flow"}[1h])&time=${T0 / 1000 + SECONDS}`,
      )
    ).json()) as { data: { result: { value: [number, string] }[] } };
    // The first second stands exactly an hour before: a window has its first moment, and not its last one.
    expect(instant.data.result.map(({ value }) => value[1])).toEqual(['3000', '3000']);
  });
});
