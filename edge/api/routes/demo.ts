import { z } from 'zod';
import { Fault } from '../../core/fault.ts';
import { defineRoute, json, type Method, type Route } from '../route.ts';
import type { DemoServices, Services } from '../services.ts';
import { demoFaultsShape } from '../shapes.ts';
import { formatTimeOrNull } from '../time-text.ts';

const answers = [{ status: 200, mediaType: 'application/json', description: 'All faults.', schema: demoFaultsShape }];

/** Faults of the simulated plant; there only in the demo. */
export const demoRoutes: Route[] = [
  defineRoute({
    path: '/api/v1/demo/faults',
    operation: 'demoFaults',
    summary: 'Demo only: faults of the simulated plant',
    answers,
    faults: ['not-found'],
    handle: async ({ services }) => json(await faultsView(demoOf(services))),
  }),
  switchRoute('POST', 'beginDemoFault', 'Demo only: switches a fault on', true),
  switchRoute('DELETE', 'endDemoFault', 'Demo only: switches a fault off', false),
];

function switchRoute(method: Method, operation: string, summary: string, on: boolean): Route {
  return defineRoute({
    method,
    path: '/api/v1/demo/faults/{name}',
    operation,
    summary,
    params: z.object({ name: z.string('the name of a fault').describe('Name of the fault.') }),
    answers,
    faults: ['not-found'],
    async handle({ params: { name }, services }) {
      const demo = demoOf(services);
      await demo.setFault(name, on);
      return json(await faultsView(demo));
    },
  });
}

function demoOf({ demo }: Services): DemoServices {
  if (demo === undefined)
    throw new Fault('not-found', 'This gateway does not run the demo: it has no faults to switch.');
  return demo;
}

async function faultsView(demo: DemoServices): Promise<unknown> {
  const items = await demo.faults();
  return { items: items.map(({ sinceUs, ...rest }) => ({ ...rest, since: formatTimeOrNull(sinceUs) })) };
}
