import { z } from 'zod';
import { defineRoute, json, type Route } from '../route.ts';
import type { Forecast } from '../services.ts';
import {
  confirmedClockShape,
  connectorsShape,
  eventsShape,
  forecastShape,
  logTopicsShape,
  statusShape,
} from '../shapes.ts';
import { formatTime, formatTimeOrNull } from '../time-text.ts';

/** What a page needs to know first; 200 also while the gateway is not ready. */
export function statusRoute(version: string): Route {
  return defineRoute({
    path: '/api/v1/status',
    operation: 'status',
    summary: 'Site, version, time, and what works',
    answers: [{ status: 200, mediaType: 'application/json', description: 'State.', schema: statusShape }],
    async handle({ services }) {
      const { site, timezone, timeUs } = await services.status();
      const demo = services.demo !== undefined;
      return json({ site, timezone, version, time: formatTime(timeUs), demo, ...services.readiness() });
    },
  });
}

/** State of the connectors. */
export const connectorsRoute = defineRoute({
  path: '/api/v1/connectors',
  operation: 'connectors',
  summary: 'Connectors and their state',
  answers: [{ status: 200, mediaType: 'application/json', description: 'Connectors.', schema: connectorsShape }],
  handle: async ({ services }) => json({ items: await services.connectors() }),
});

/** Topics of the log. */
export const logTopicsRoute = defineRoute({
  path: '/api/v1/log/topics',
  operation: 'logTopics',
  summary: 'Topics of the log with their durable offsets',
  answers: [{ status: 200, mediaType: 'application/json', description: 'Topics.', schema: logTopicsShape }],
  handle: async ({ services }) => json({ items: await services.logTopics() }),
});

/** What will run out, and when. */
export const forecastRoute = defineRoute({
  path: '/api/v1/forecast',
  operation: 'forecast',
  summary: 'When the disk will be full, how long the log lasts, when links would lose data',
  answers: [{ status: 200, mediaType: 'application/json', description: 'Forecasts.', schema: forecastShape }],
  handle: async ({ services }) => json({ items: (await services.forecast()).map(forecastItem) }),
});

function forecastItem(item: Forecast): z.infer<typeof forecastShape>['items'][number] {
  if (!('topics' in item)) return item;
  const topics = item.topics.map(({ oldestUs, ...topic }) => ({ ...topic, oldest: formatTimeOrNull(oldestUs) }));
  return { ...item, topics };
}

/** The gateway's clock is right: a person says so. */
export const confirmClockRoute = defineRoute({
  method: 'POST',
  path: '/api/v1/log/confirm-clock',
  operation: 'confirmClock',
  summary: "Says that the gateway's clock is right, so that data is deleted by its age again",
  answers: [{ status: 200, mediaType: 'application/json', description: 'It is.', schema: confirmedClockShape }],
  faults: ['not-ready'],
  handle: async ({ services }) => json({ clock: await services.confirmClock() }),
});

const LIMIT = 'a whole number from 1 to 1000';

/** The last events. */
export const eventsRoute = defineRoute({
  path: '/api/v1/events',
  operation: 'events',
  summary: 'The last events: connections, gaps, starts and stops',
  query: z.strictObject({
    limit: z
      .string(LIMIT)
      .regex(/^(1000|[1-9]\d{0,2})$/, LIMIT)
      .transform(Number)
      .optional()
      .describe('Events at most; 100 if it is not given.'),
  }),
  answers: [{ status: 200, mediaType: 'application/json', description: 'Oldest first.', schema: eventsShape }],
  handle: async ({ query: { limit = 100 }, services }) => json({ items: await services.events(limit) }),
});
