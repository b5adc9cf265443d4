import { expect, test } from 'vitest';
import { Points } from '../../../historian/points/points.ts';
import { Latest } from '../../../historian/queries/latest.ts';
import { MemoryServices, sampleAt, serverOf, START_US } from '../services-kit.ts';

const NONE = new Uint32Array(0);

test('what may hide the last sample of a tag stands in the answer, beside the tags that have theirs', async () => {
  const services = new MemoryServices();
  services.samples.set('plant/a', [sampleAt(START_US, 2.5)]);
  const inStore = services.latest.bind(services);
  services.latest = async function* (tags) {
    yield* inStore(tags);
    const span = { fromUs: START_US, toUs: START_US + 1, samples: null };
    const unreachable = { ...span, reason: 'tier-unreachable' as const, detail: 'It does not answer.' };
    // Of a file without samples nothing can be hidden.
    const nothing = { ...unreachable, fromUs: Number.POSITIVE_INFINITY, toUs: Number.NEGATIVE_INFINITY };
    const gaps = [unreachable, nothing].map((gap) => ({ place: 0, gap }));
    yield new Latest(
      { points: new Points(0), places: NONE, without: NONE, topics: [], gaps, standing: [] },
      () => 'plant/b',
    );
  };
  const api = serverOf(services);
  const answer: unknown = JSON.parse((await api.inject({ method: 'GET', url: '/api/v1/latest' })).body);
  await api.close();
  expect(answer).toMatchObject({ items: [{ tag: 'plant/a', value: 2.5 }] });
  expect(answer).toHaveProperty('gaps', [
    {
      tag: 'plant/b',
      from: '2020-03-17T10:14:33.000000Z',
      to: '2020-03-17T10:14:33.000001Z',
      reason: 'tier-unreachable',
      samples: null,
      detail: 'It does not answer.',
    },
  ]);
});
