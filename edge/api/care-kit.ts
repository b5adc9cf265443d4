import type { EraseOrder } from '../erasures/order.ts';
import type { ErasureView, HistorianReport } from './care-services.ts';

const START_US = 1_584_440_073_000_000;

/** For tests: the state of a historian. */
export const SOME_HISTORIAN: HistorianReport = {
  folder: '/srv/plant/data/historian',
  files: 2,
  fileBytes: 1000,
  memorySamples: 1,
  memoryBytes: 500,
  series: 2,
  points: 3,
  lagSamples: 0,
  lostRecords: 0,
  damaged: [],
  repairedSamples: 0,
  erasing: 0,
  erasures: 0,
  expires: true,
  tier: null,
  topics: [{ topic: 'samples', retentionSeconds: 400 * 86_400, expiredBeforeUs: START_US - 1 }],
};

/** For tests: an order that was done everywhere. */
export function erasedView(order: EraseOrder, paths: readonly string[]): ErasureView {
  const places = ['historian', 'log'].map((name) => ({ name, doneUs: START_US + 1 }));
  const about = { ...order, tags: [...order.tags], tagCount: paths.length, samples: 3, upTo: { samples: 10 } };
  const state = {
    id: 'e-1',
    atUs: START_US,
    event: 7,
    doneEvent: 8,
    places,
    done: true,
    problems: {},
    unopened: [],
    unread: [],
  };
  const left = { log: [], quarantine: null, links: [{ name: 'cloud', told: false }] };
  return { ...about, ...state, outlook: left };
}
