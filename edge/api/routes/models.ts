import { defineRoute, json } from '../route.ts';
import type { ModelStatus } from '../services.ts';
import { modelsShape } from '../shapes.ts';
import { formatTimeOrNull } from '../time-text.ts';

/** Models and what they do. */
export const modelsRoute = defineRoute({
  path: '/api/v1/models',
  operation: 'models',
  summary: 'Models, their state, progress and last score',
  answers: [{ status: 200, mediaType: 'application/json', description: 'Models.', schema: modelsShape }],
  handle: async ({ services }) => json({ items: (await services.models()).map(modelView) }),
});

function modelView({ trainedFromUs, trainedToUs, ...rest }: ModelStatus): unknown {
  return { ...rest, trainedFrom: formatTimeOrNull(trainedFromUs), trainedTo: formatTimeOrNull(trainedToUs) };
}
