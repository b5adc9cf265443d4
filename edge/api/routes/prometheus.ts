import { z } from 'zod';
import { Fault } from '../../core/fault.ts';
import { Evaluation, labelsOf, matching, type Result, type Series, type Times } from '../prometheus/evaluate.ts';
import { METRIC, parseExpression, parseSelector, parseStep } from '../prometheus/promql.ts';
import { type Answer, type Call, defineRoute, json, JSON_MEDIA_TYPE, type Route } from '../route.ts';
import { Slots } from '../slots.ts';
import { parseTime } from '../time-text.ts';

/** Each asks the historian for up to 1,000 tags. */
const MAX_ANSWERS = 8;
/** Points of a series at most, as Prometheus has it. */
const MAX_POINTS = 11_000;
/** Level of the query API that is answered; Grafana asks for it. */
const API_LEVEL = '2.40.0';

const text = z.string('a text').max(64 * 1024, 'at most 64 KiB');
const success = z.looseObject({ status: z.literal('success') });
const answers = [
  { status: 200, mediaType: 'application/json', description: 'As Prometheus answers.', schema: success },
  {
    status: 400,
    mediaType: 'application/json',
    description: 'What cannot be answered, as Prometheus says it.',
    schema: z.looseObject({ status: z.literal('error') }),
  },
] as const;
const match = z
  .array(text, 'selectors')
  .max(100, 'at most 100 selectors')
  .optional()
  .describe('Only tags that fit one of these.');

/** What Grafana's Prometheus data source asks (docs/historian.md, "Grafana"): a part of Prometheus' HTTP API. Other parameters that it sends are passed over. */
export function prometheusRoutes(): Route[] {
  const slots = new Slots(MAX_ANSWERS, 'answers to Grafana');
  const ofTags = z.looseObject({ 'match[]': match });
  return [
    ...eitherWay({
      path: 'query_range',
      operation: 'prometheusQueryRange',
      summary: 'Values of tags at regular times, for Grafana',
      shape: z.looseObject({ query: text, start: text, end: text, step: text }),
      handle: (call, asked) => held(slots, () => range({ ...call, query: asked })),
    }),
    ...eitherWay({
      path: 'query',
      operation: 'prometheusQuery',
      summary: 'Values of tags at one time, for Grafana',
      shape: z.looseObject({ query: text, time: text.optional().describe('Left out: now.') }),
      handle: (call, asked) => held(slots, () => instant({ ...call, query: asked })),
    }),
    ...eitherWay({
      path: 'series',
      operation: 'prometheusSeries',
      summary: 'Labels of tags, for Grafana',
      shape: ofTags,
      handle: (call, asked) => said(async () => (await labelSets(call, asked)).slice(0, 10_000)),
    }),
    ...eitherWay({
      path: 'labels',
      operation: 'prometheusLabels',
      summary: 'Names of labels, for Grafana',
      shape: ofTags,
      handle: (call, asked) =>
        said(async () =>
          [...new Set((await labelSets(call, asked)).flatMap((labels) => Object.keys(labels)))].toSorted(),
        ),
    }),
    defineRoute({
      path: '/prometheus/api/v1/label/{name}/values',
      operation: 'prometheusLabelValues',
      summary: 'Values of a label, such as all tags, for Grafana',
      params: z.strictObject({ name: z.string('a label') }),
      query: ofTags,
      repeated: ['match[]'],
      answers,
      handle: (call) =>
        said(async () =>
          [
            ...new Set((await labelSets(call, call.query)).flatMap((labels) => labels[call.params.name] ?? [])),
          ].toSorted(),
        ),
    }),
    ...facts(),
  ];
}

interface Question<Shape extends z.ZodObject> {
  readonly path: string;
  readonly operation: string;
  readonly summary: string;
  readonly shape: Shape;
  readonly handle: (call: AnyCall, asked: z.output<Shape>) => Promise<Answer>;
}

/** A question that may stand in the address or in a form: Grafana sends forms, unless it is told to use GET. */
function eitherWay<Shape extends z.ZodObject>({ path, operation, summary, shape, handle }: Question<Shape>): Route[] {
  const common = { path: `/prometheus/api/v1/${path}`, answers, faults: ['too-many-requests', 'not-ready'] as const };
  const repeated = ['match[]'];
  return [
    defineRoute({ ...common, operation, summary, query: shape, repeated, handle: (call) => handle(call, call.query) }),
    defineRoute({
      ...common,
      method: 'POST',
      operation: `${operation}Form`,
      summary: `${summary}, out of a form`,
      query: z.looseObject({}),
      repeated,
      body: z.looseObject({}),
      handle(call) {
        const asked = shape.safeParse({ ...call.query, ...call.body });
        if (asked.success) return handle(call, asked.data);
        return refusal(
          asked.error.issues.map(({ path: at, message }) => `${at.join('.')}: expected ${message}`).join(', '),
        );
      },
    }),
  ];
}

/** What never changes. */
function facts(): Route[] {
  const data: Readonly<Record<string, readonly [operation: string, summary: string, data: unknown]>> = {
    metadata: [
      'prometheusMetadata',
      'What the one metric is, for Grafana',
      { [METRIC]: [{ type: 'gauge', help: 'Value of a tag.', unit: '' }] },
    ],
    'status/buildinfo': [
      'prometheusBuildinfo',
      'Level of the API that is answered, for Grafana',
      {
        application: 'Millrace',
        version: API_LEVEL,
        revision: '',
        branch: '',
        buildUser: '',
        buildDate: '',
        goVersion: '',
      },
    ],
    query_exemplars: ['prometheusExemplars', 'None: for Grafana', []],
  };
  return Object.entries(data).map(([path, [operation, summary, value]]) =>
    defineRoute({
      path: `/prometheus/api/v1/${path}`,
      operation,
      summary,
      query: z.looseObject({}),
      answers: [answers[0]],
      handle: () => json({ status: 'success', data: value }),
    }),
  );
}

type AnyCall = Pick<Call<unknown, unknown>, 'services' | 'signal'>;

async function range({
  query: { query, start, end, step },
  services,
  signal,
}: AnyCall & { readonly query: { query: string; start: string; end: string; step: string } }): Promise<Answer> {
  const [startMs, endMs] = [timeMs(start), timeMs(end)];
  const stepMs = parseStep(step) ?? 0;
  if (stepMs < 1) throw new RangeError(`step: ${JSON.stringify(step)} is no time of at least 1ms`);
  if (endMs < startMs) throw new RangeError('end lies before start');
  const count = Math.floor((endMs - startMs) / stepMs) + 1;
  if (count > MAX_POINTS)
    throw new RangeError(
      `${count.toLocaleString('en')} points; ${MAX_POINTS.toLocaleString('en')} are answered at most: ask for a greater step`,
    );
  const times = { startMs, stepMs, count };
  const result = await new Evaluation(services, times, signal).evaluate(parseExpression(query));
  const series =
    'series' in result ? result.series : [{ labels: {}, values: new Float64Array(count).fill(result.scalar) }];
  return { mediaType: JSON_MEDIA_TYPE, body: matrix(series, times) };
}

/** Series by series, so that a long answer is never whole in memory as text. */
async function* matrix(series: readonly Series[], { startMs, stepMs }: Times): AsyncGenerator<string> {
  let head = '{"status":"success","data":{"resultType":"matrix","result":[';
  for (const { labels, values } of series) {
    const points: string[] = [];
    for (const [i, value] of values.entries())
      if (!Number.isNaN(value)) points.push(`[${(startMs + i * stepMs) / 1000},"${numberText(value)}"]`);
    if (points.length === 0) continue;
    yield await Promise.resolve(`${head}{"metric":${JSON.stringify(labels)},"values":[${points.join(',')}]}`);
    head = ',';
  }
  yield head === ',' ? ']}}\n' : `${head}]}}\n`;
}

async function instant({
  query: { query, time },
  services,
  signal,
}: AnyCall & { readonly query: { query: string; time?: string | undefined } }): Promise<Answer> {
  const atMs = time === undefined ? Math.floor((await services.status()).timeUs / 1000) : timeMs(time);
  const times = { startMs: atMs, stepMs: 1, count: 1 };
  const result: Result = await new Evaluation(services, times, signal).evaluate(parseExpression(query));
  const seconds = atMs / 1000;
  if ('scalar' in result)
    return json({ status: 'success', data: { resultType: 'scalar', result: [seconds, numberText(result.scalar)] } });
  const rows = result.series.flatMap(({ labels, values: [value = Number.NaN] }) =>
    Number.isNaN(value) ? [] : [{ metric: labels, value: [seconds, numberText(value)] }],
  );
  return json({ status: 'success', data: { resultType: 'vector', result: rows } });
}

/** As Prometheus writes numbers. */
function numberText(value: number): string {
  return value === Number.POSITIVE_INFINITY ? '+Inf' : value === Number.NEGATIVE_INFINITY ? '-Inf' : String(value);
}

/** Unix time in seconds, or ISO 8601. */
function timeMs(given: string): number {
  const seconds = /^-?\d{1,12}(?:\.\d+)?$/.test(given) ? Number(given) : undefined;
  if (seconds !== undefined) return Math.round(seconds * 1000);
  try {
    return Math.floor(parseTime(given) / 1000);
  } catch (error) {
    if (!(error instanceof Fault)) throw error;
    throw new RangeError(`${JSON.stringify(given.slice(0, 60))} is no time`, { cause: error });
  }
}

async function labelSets(
  { services }: AnyCall,
  asked: { readonly 'match[]'?: string[] | undefined },
): Promise<Record<string, string>[]> {
  const selectors = asked['match[]']?.map(parseSelector) ?? [[]];
  const tags = [...(await services.tags())];
  const paths = new Set(selectors.flatMap((matchers) => matching(tags, matchers).map(({ path }) => path)));
  return tags.filter(({ path }) => paths.has(path)).map(labelsOf);
}

/** What cannot be answered is said as Prometheus does: Grafana shows it beside the panel. */
async function said(work: () => Promise<unknown>): Promise<Answer> {
  return await attempt(async () => json({ status: 'success', data: await work() }));
}

async function held(slots: Slots, work: () => Promise<Answer>): Promise<Answer> {
  const release = slots.take();
  try {
    return await attempt(work);
  } finally {
    release();
  }
}

async function attempt(work: () => Promise<Answer>): Promise<Answer> {
  try {
    return await work();
  } catch (error) {
    const isAskedWrong =
      error instanceof RangeError ||
      (error instanceof Fault && ['request-invalid', 'aggregate-type', 'tag-unknown'].includes(error.code));
    if (!isAskedWrong) throw error;
    return refusal(error.message);
  }
}

function refusal(error: string): Answer {
  return json({ status: 'error', errorType: 'bad_data', error }, 400);
}
