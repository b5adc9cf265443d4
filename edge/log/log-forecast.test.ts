import { expect, test } from 'vitest';
import type { LogFigures } from '../core/retention/log-figures.ts';
import { LogForecast } from './log-forecast.ts';

/** Figures of a log to which so much was appended. */
function figures(appended: Readonly<Record<string, number>>, more: Partial<LogFigures> = {}): LogFigures {
  const topics = Object.entries(appended).map(([topic, appendedBytes]) => {
    return { topic, bytes: appendedBytes, segments: 1, oldestMs: 0, appendedBytes, appendedRecords: 1 };
  });
  const bytes = topics.reduce((sum, topic) => sum + topic.bytes, 0);
  const rest = {
    limitBytes: 10_000,
    withinBudget: true,
    clock: { trusted: true, aheadMs: 0 },
    believedMs: 0,
    linkBytes: {},
  };
  return { bytes, topics, ...rest, ...more };
}

/** After looks every ten seconds. */
function after(...looks: LogFigures[]): LogForecast {
  const forecast = new LogForecast();
  for (const [i, look] of looks.entries()) forecast.look(10_000 * i, look);
  return forecast;
}

test('the log is full when what it may take is used up, and reaches back as far as all of that lasts', () => {
  const now = figures({ samples: 3000, events: 1000 });
  const outlook = after(figures({ samples: 1000, events: 0 }), now).log(now);
  expect(outlook).toMatchObject({ bytesPerSecond: 300, fullInSeconds: 20, lastsSeconds: 10_000 / 300 });
  expect(Object.fromEntries(outlook.topicRates)).toEqual({ samples: 200, events: 100 });
});

test('one that is full gives its oldest data from now on', () => {
  const now = figures({ samples: 12_000 });
  expect(after(figures({ samples: 1000 }), now).log(now).fullInSeconds).toBe(0);
});

test.each([
  ['nothing was told yet', []],
  ['there was one look', [figures({ samples: 1000 })]],
  ['nothing comes', [figures({ samples: 1000 }), figures({ samples: 1000 })]],
])('where %s there is no end in sight', (_name, looks) => {
  const now = figures({ samples: 1000 });
  const never = { bytesPerSecond: 0, fullInSeconds: Infinity, lastsSeconds: Infinity };
  expect(after(...looks).log(now)).toMatchObject(never);
  const links = after(...looks).links(now, [{ name: 'cloud', topics: ['samples'] }]);
  expect(links).toEqual([{ name: 'cloud', waitingBytes: 0, losesInSeconds: Infinity }]);
});

test('a link that is down loses data when all that the log may take is what the link has not had', () => {
  const now = figures({ samples: 4000, derived: 5000 }, { linkBytes: { cloud: 3000 } });
  const forecast = after(figures({ samples: 3000, derived: 0 }), now);
  expect(forecast.links(now, [{ name: 'cloud', topics: ['samples', 'events'] }])).toEqual([
    { name: 'cloud', waitingBytes: 3000, losesInSeconds: 70 },
  ]);
});

test('only the last ten minutes count', () => {
  const forecast = new LogForecast();
  forecast.look(0, figures({ samples: 0 }));
  for (let i = 1; i <= 61; i++) forecast.look(10_000 * i, figures({ samples: 5000 }));
  expect(forecast.log(figures({ samples: 5000 })).bytesPerSecond).toBe(0);
});
