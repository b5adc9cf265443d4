import { expect, test } from 'vitest';
import { type IntakeTerm, newCounts, Term } from './core/ledger.ts';
import { GatewayMetrics, type MetricSources } from './metrics.ts';

const nothing: MetricSources = {
  connectors: ['floor', 'hall'],
  workers: ['historian'],
  ledger: () => new Map(),
  lost: () => new Map([['damage', 0]]),
  logEnds: () => new Map([['samples', 0]]),
  historian: () => ({ lagSamples: 0, points: 0 }),
  links: () => [{ name: 'cloud', state: 'mirroring', topics: [{ topic: 'samples', lag: 0 }] }],
  diskFullSeconds: () => Infinity,
};

/** The product's own lines, without buckets. */
async function linesOf(metrics: GatewayMetrics): Promise<string[]> {
  const lines = (await metrics.registry.metrics()).split('\n');
  return lines.filter((line) => line.startsWith('millrace_') && !line.includes('_bucket'));
}

function counts(terms: Partial<Record<IntakeTerm, number>>) {
  const result = newCounts();
  for (const [term, amount] of Object.entries(terms)) result[Term[term as IntakeTerm]] = amount;
  return result;
}

test('every metric that needs no event is there from the start, so that a rate can be taken of it', async () => {
  expect(await linesOf(new GatewayMetrics(nothing))).toEqual([
    'millrace_log_append_seconds_sum 0',
    'millrace_log_append_seconds_count 0',
    'millrace_worker_restarts_total{worker="historian"} 0',
    'millrace_samples_received_total{connector="floor"} 0',
    'millrace_samples_received_total{connector="hall"} 0',
    'millrace_samples_logged_total 0',
    'millrace_samples_duplicate_total 0',
    'millrace_samples_lost_total{reason="damage"} 0',
    'millrace_log_end_offset{topic="samples"} 0',
    'millrace_historian_lag_samples 0',
    'millrace_historian_points_total 0',
    'millrace_disk_full_seconds +Inf',
    'millrace_link_lag_records{link="cloud",topic="samples"} 0',
    'millrace_link_state{link="cloud",state="mirroring"} 1',
  ]);
});

test('counts are those of the ledger, and asking twice does not add them twice', async () => {
  const metrics = new GatewayMetrics({
    ...nothing,
    ledger: () => new Map([['floor', counts({ received: 9, logged: 5, duplicate: 3, quarantined: 1 })]]),
    lost: () => new Map([['damage', 4]]),
  });
  metrics.quarantined.inc({ reason: 'malformed' }, 1);
  await linesOf(metrics);
  expect(await linesOf(metrics)).toEqual(
    expect.arrayContaining([
      'millrace_samples_received_total{connector="floor"} 9',
      'millrace_samples_received_total{connector="hall"} 0',
      'millrace_samples_logged_total 5',
      'millrace_samples_duplicate_total 3',
      'millrace_samples_quarantined_total{reason="malformed"} 1',
      'millrace_samples_lost_total{reason="damage"} 4',
    ]),
  );
});

test('a link that is in another state leaves no trace of the old one, and no lag before it is known', async () => {
  let state = 'connecting';
  const topics = [{ topic: 'samples', lag: null }];
  const metrics = new GatewayMetrics({ ...nothing, links: () => [{ name: 'cloud', state, topics }] });
  await linesOf(metrics);
  state = 'failed';
  expect((await linesOf(metrics)).filter((line) => line.includes('link'))).toEqual([
    'millrace_link_state{link="cloud",state="failed"} 1',
  ]);
});
