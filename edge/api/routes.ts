import { openApi } from './openapi.ts';
import { defineRoute, json, type Route } from './route.ts';
import { alarmRoutes } from './routes/alarms.ts';
import { demoRoutes } from './routes/demo.ts';
import { erasureRoutes } from './routes/erasures.ts';
import { eventFramesRoute } from './routes/event-frames.ts';
import { healthRoutes } from './routes/health.ts';
import { historianRoutes } from './routes/historian.ts';
import { historyRoute } from './routes/history.ts';
import { latestRoute } from './routes/latest.ts';
import { ledgerRoute } from './routes/ledger.ts';
import { linkRoutes } from './routes/links.ts';
import { liveRoute } from './routes/live.ts';
import { modelsRoute } from './routes/models.ts';
import { questdbRoute } from './routes/questdb.ts';
import {
  confirmClockRoute,
  connectorsRoute,
  eventsRoute,
  forecastRoute,
  logTopicsRoute,
  statusRoute,
} from './routes/state.ts';
import { sqlRoute } from './routes/sql.ts';
import { prometheusRoutes } from './routes/prometheus.ts';
import { tagsRoute } from './routes/tags.ts';

/** Every route of the API: this list is the map. */
export function allRoutes(version: string): Route[] {
  const routes: Route[] = [
    ...healthRoutes(version),
    statusRoute(version),
    tagsRoute,
    latestRoute,
    historyRoute(),
    eventFramesRoute(),
    sqlRoute(),
    liveRoute,
    ...alarmRoutes,
    modelsRoute,
    ledgerRoute,
    connectorsRoute,
    ...linkRoutes(),
    ...historianRoutes(),
    ...erasureRoutes(),
    questdbRoute,
    logTopicsRoute,
    confirmClockRoute,
    forecastRoute,
    eventsRoute,
    ...prometheusRoutes(),
    ...demoRoutes,
  ];
  const document: Route = defineRoute({
    path: '/openapi.json',
    operation: 'openapi',
    summary: 'This API as an OpenAPI 3.1 document',
    answers: [{ status: 200, mediaType: 'application/json', description: 'OpenAPI 3.1.' }],
    handle: () => json(openApi([...routes, document], version)),
  });
  return [...routes, document];
}
