import { z } from 'zod';
import { defineRoute, json } from '../route.ts';
import { tagsShape } from '../shapes.ts';
import { tagMatcher } from '../tag-match.ts';

const STANDARD_LIMIT = 10_000;
const MAX_LIMIT = 50_000;
const LIMIT = `a whole number from 1 to ${MAX_LIMIT}`;

const query = z.strictObject({
  match: z
    .string('a pattern')
    .min(1, 'a pattern')
    .max(1024, 'a pattern of at most 1,024 characters')
    .optional()
    .describe('Pattern of paths: `*` is any text within a level, `**` any number of levels.'),
  after: z
    .string('a path')
    .optional()
    .describe("The previous page's `next`: only tags behind it in the order of paths."),
  limit: z
    .string(LIMIT)
    .regex(/^\d{1,5}$/, LIMIT)
    .transform(Number)
    .refine((limit) => limit >= 1 && limit <= MAX_LIMIT, LIMIT)
    .optional()
    .describe(`Tags of a page at most; ${STANDARD_LIMIT} if it is not given.`),
});

/** The tag list, in the order of paths, in pages. */
export const tagsRoute = defineRoute({
  path: '/api/v1/tags',
  operation: 'tags',
  summary: 'Tags with type, unit, class and connector',
  query,
  answers: [{ status: 200, mediaType: 'application/json', description: 'A page of tags.', schema: tagsShape }],
  async handle({ query: { match, after = '', limit = STANDARD_LIMIT }, services }) {
    const fits = match === undefined ? () => true : tagMatcher(match);
    const found = Array.from(await services.tags()).filter(({ path }) => path > after && fits(path));
    found.sort((a, b) => (a.path < b.path ? -1 : 1));
    const items = found.slice(0, limit);
    return json({ items, next: found.length > limit ? (items.at(-1)?.path ?? null) : null });
  },
});
