import { Fault } from '../../core/fault.ts';
import { defineRoute, json } from '../route.ts';
import { questdbShape } from '../shapes.ts';

/** The QuestDB beside the historian. */
export const questdbRoute = defineRoute({
  path: '/api/v1/historian/questdb',
  operation: 'questdb',
  summary: 'How far the QuestDB beside the historian has come',
  answers: [{ status: 200, mediaType: 'application/json', description: 'State.', schema: questdbShape }],
  faults: ['not-found'],
  async handle({ services }) {
    const status = await services.questdb();
    if (status === null) throw new Fault('not-found', 'The configuration has no historian.questdb.');
    return json(status);
  },
});
