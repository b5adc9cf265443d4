import { z } from 'zod';
import { ARROW_MEDIA_TYPE } from '../../../historian/arrow/stream.ts';
import type { SqlFormat } from '../../../historian/sql/messages.ts';
import { DEFAULT_SQL_LIMITS } from '../../../historian/sql/query.ts';
import { Fault } from '../../core/fault.ts';
import { GAPS_TRAILER, HISTORY_MEDIA_TYPES } from '../history-text.ts';
import { negotiate } from '../negotiate.ts';
import { type Answer, type Call, defineRoute, type Route } from '../route.ts';
import { sqlAnswerShape } from '../shapes.ts';
import { holding, Slots } from '../slots.ts';

/** Trailer: whether there are more rows than were given. */
export const MORE_TRAILER = 'millrace-more';
/** Each is a process of its own. */
const MAX_QUESTIONS = 2;
/** Room for it is in the body of a request. */
const MAX_SQL_LENGTH = 30_000;
export const MAX_SQL_ROWS = 1_000_000;
export const MAX_SQL_TIME_MS = 300_000;

const ROWS = `1 to ${MAX_SQL_ROWS.toLocaleString('en')}`;
const TIME = `1 to ${MAX_SQL_TIME_MS.toLocaleString('en')}`;
const STATEMENT = `one SELECT statement of at most ${MAX_SQL_LENGTH.toLocaleString('en')} characters`;

const body = z.strictObject({
  sql: z
    .string(STATEMENT)
    .min(1, STATEMENT)
    .max(MAX_SQL_LENGTH, STATEMENT)
    .describe('One SELECT statement (DuckDB) over `samples`, `tags` and `events`.'),
  limit: z
    .int(ROWS)
    .min(1, ROWS)
    .max(MAX_SQL_ROWS, ROWS)
    .optional()
    .describe(
      `Rows at most, ${ROWS}; ${DEFAULT_SQL_LIMITS.rows.toLocaleString('en')} if left out. Where there are more, the answer says so.`,
    ),
  timeoutMs: z
    .int(TIME)
    .min(1, TIME)
    .max(MAX_SQL_TIME_MS, TIME)
    .optional()
    .describe(
      `Milliseconds until it is ended, ${TIME}; ${DEFAULT_SQL_LIMITS.timeMs.toLocaleString('en')} if left out.`,
    ),
});

const formats: Readonly<Record<string, SqlFormat>> = {
  'application/json': 'json',
  'text/csv': 'csv',
  [ARROW_MEDIA_TYPE]: 'arrow',
};

/** Questions in SQL. */
export function sqlRoute(): Route {
  const slots = new Slots(MAX_QUESTIONS, 'questions in SQL');
  return defineRoute({
    method: 'POST',
    path: '/api/v1/sql',
    operation: 'sql',
    summary: 'Rows of a SELECT statement over `samples`, `tags` and `events`; as JSON, CSV or Arrow by Accept',
    body,
    answers: [
      { status: 200, mediaType: 'application/json', description: 'Columns, rows.', schema: sqlAnswerShape },
      { status: 200, mediaType: 'text/csv', description: 'A header with the names of the columns, then the rows.' },
      { status: 200, mediaType: ARROW_MEDIA_TYPE, description: 'An Arrow IPC stream, for programs that compute.' },
    ],
    faults: ['sql-invalid', 'sql-refused', 'sql-limit', 'not-acceptable', 'too-many-requests'],
    handle: (call) => answer(call, slots),
  });
}

async function answer(call: Call<unknown, unknown, z.output<typeof body>>, slots: Slots): Promise<Answer> {
  const { accept, services, signal } = call;
  const format = formats[negotiate(accept, Object.keys(formats)) ?? ''];
  if (format === undefined)
    throw new Fault('not-acceptable', `${accept}: this version gives ${Object.keys(formats).join(', ')}.`);
  const { sql, limit, timeoutMs } = call.body;
  const release = slots.take();
  try {
    const { bytes, end } = await services.sql({ sql, format, limits: { rows: limit, timeMs: timeoutMs }, signal });
    return {
      mediaType: HISTORY_MEDIA_TYPES[format],
      body: holding(release, () => bytes),
      trailers: [
        { name: GAPS_TRAILER, value: () => String(end().gaps) },
        { name: MORE_TRAILER, value: () => String(end().more) },
      ],
    };
  } catch (error) {
    release();
    throw error;
  }
}
