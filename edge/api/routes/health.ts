import { defineRoute, json, type Route } from '../route.ts';
import { healthShape, readinessShape } from '../shapes.ts';

/** Whether the process lives, is ready, and its metrics. */
export function healthRoutes(version: string): Route[] {
  return [
    defineRoute({
      path: '/healthz',
      operation: 'health',
      summary: 'Whether the process is alive',
      answers: [{ status: 200, mediaType: 'application/json', description: 'It is.', schema: healthShape }],
      handle: () => json({ status: 'ok', pid: process.pid, version, uptimeSeconds: Math.round(process.uptime()) }),
    }),
    defineRoute({
      path: '/readyz',
      operation: 'readiness',
      summary: 'Whether every part works, and what does not and why',
      answers: [
        { status: 200, mediaType: 'application/json', description: 'Ready.', schema: readinessShape },
        { status: 503, mediaType: 'application/json', description: 'Not ready.', schema: readinessShape },
      ],
      handle({ services }) {
        const readiness = services.readiness();
        return json(readiness, readiness.ready ? 200 : 503);
      },
    }),
    defineRoute({
      path: '/metrics',
      operation: 'metrics',
      summary: 'Metrics in the text format of Prometheus',
      answers: [{ status: 200, mediaType: 'text/plain', description: 'Exposition format 0.0.4.' }],
      handle: async ({ services }) => ({
        mediaType: 'text/plain; version=0.0.4; charset=utf-8',
        body: await services.metrics(),
      }),
    }),
  ];
}
