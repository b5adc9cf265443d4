import { defineRoute, JSON_MEDIA_TYPE, jsonItems } from '../route.ts';
import { ledgerShape } from '../shapes.ts';

/** Where every received sample is. */
export const ledgerRoute = defineRoute({
  path: '/api/v1/ledger',
  operation: 'ledger',
  summary: 'Where every received sample is, by tag and connector',
  answers: [
    {
      status: 200,
      mediaType: 'application/json',
      description:
        'received = logged + quarantined + duplicate + filtered + refused + lost + inFlight; logged + generated = stored + lag.',
      schema: ledgerShape,
    },
  ],
  async handle({ services }) {
    const { total, balanced, items } = await services.ledger();
    const head = `"total":${JSON.stringify(total)},"balanced":${balanced},`;
    return { mediaType: JSON_MEDIA_TYPE, body: jsonItems(texts(items), head) };
  },
});

function* texts(items: Iterable<unknown>): Generator<string> {
  for (const item of items) yield JSON.stringify(item);
}
