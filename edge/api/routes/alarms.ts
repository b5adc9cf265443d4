import { z } from 'zod';
import type { StandingAlarm } from '../../alarms/alarm.ts';
import type { AlarmAction } from '../../alarms/book.ts';
import { parseDuration } from '../../config/quantities.ts';
import { Fault } from '../../core/fault.ts';
import { defineRoute, json, type Route } from '../route.ts';
import type { Services } from '../services.ts';
import { alarmActionShape, alarmsShape } from '../shapes.ts';
import { formatTime, formatTimeOrNull, parseTime } from '../time-text.ts';

/** An alarm is shelved for so long where the request does not say, and at most. */
const STANDARD_SHELF_MS = 3_600_000;
const MAX_SHELF_MS = 7 * 86_400_000;

const BY = 'a name of at most 100 characters';
const who = z.string(BY).min(1, BY).max(100, BY).optional().describe('Who does it; `operator` if it is not given.');
const NOBODY_NAMED = 'operator';

const actionBody = z.strictObject({ by: who });
const shelveBody = z.strictObject({
  by: who,
  until: z.string('a time with a zone').optional().describe('When it comes back. ISO 8601 with a zone.'),
  for: z
    .string('a time such as 30m')
    .optional()
    .describe(
      'Instead of `until`: after how long it comes back, such as `30m`; `1h` if neither is given, at most `7d`.',
    ),
});

type ShelveBody = z.output<typeof shelveBody>;

/** Alarms and what an operator does with them. */
export const alarmRoutes: Route[] = [
  defineRoute({
    path: '/api/v1/alarms',
    operation: 'alarms',
    summary: 'Alarms that are not NORM, with ranked reasons',
    answers: [{ status: 200, mediaType: 'application/json', description: 'The newest first.', schema: alarmsShape }],
    faults: ['not-ready'],
    handle: async ({ services }) => json({ items: (await services.alarms()).map(alarmView) }),
  }),
  actionRoute('acknowledge', 'acknowledgeAlarm', 'Says that somebody has seen the alarm', actionBody, ({ by }) => {
    return { action: 'acknowledge', by: by ?? NOBODY_NAMED };
  }),
  actionRoute('shelve', 'shelveAlarm', 'Puts the alarm aside for a while', shelveBody, async (body, services) => {
    return {
      action: 'shelve',
      by: body.by ?? NOBODY_NAMED,
      untilUs: endOfShelf(body, (await services.status()).timeUs),
    };
  }),
  actionRoute('unshelve', 'unshelveAlarm', 'Brings a shelved alarm back', actionBody, ({ by }) => {
    return { action: 'unshelve', by: by ?? NOBODY_NAMED };
  }),
];

function actionRoute<Body extends z.ZodObject>(
  verb: string,
  operation: string,
  summary: string,
  body: Body,
  actionOf: (body: z.output<Body>, services: Services) => AlarmAction | Promise<AlarmAction>,
): Route {
  return defineRoute({
    method: 'POST',
    path: `/api/v1/alarms/{id}/${verb}`,
    operation,
    summary,
    params: z.object({ id: z.string('the id of an alarm').describe('Id of the alarm, escaped (`model%2Fx`).') }),
    body,
    answers: [{ status: 200, mediaType: 'application/json', description: 'Done, durably.', schema: alarmActionShape }],
    faults: ['alarm-unknown', 'alarm-state', 'not-ready'],
    async handle(call) {
      const alarm = await call.services.alarmAction(call.params.id, await actionOf(call.body, call.services));
      return json({ alarm: alarm === null ? null : alarmView(alarm) });
    },
  });
}

/** Time at which a shelved alarm comes back, µs. Throws `request-invalid`, `time-invalid`. */
function endOfShelf({ until, for: length }: ShelveBody, nowUs: number): number {
  if (until !== undefined && length !== undefined) throw new Fault('request-invalid', 'Give either until or for.');
  const forMs = length === undefined ? STANDARD_SHELF_MS : parseDuration(length);
  if (forMs === undefined) throw new Fault('request-invalid', 'for: expected a time such as 30m.');
  const endUs = until === undefined ? nowUs + forMs * 1000 : parseTime(until);
  if (endUs > nowUs && endUs <= nowUs + MAX_SHELF_MS * 1000) return endUs;
  throw new Fault('request-invalid', 'An alarm can be shelved for more than nothing and at most 7 days.');
}

/** Numbers that an alarm does not have (NaN) become null in JSON. */
function alarmView({ sinceUs, shelvedUntilUs, evidence, ...rest }: StandingAlarm): unknown {
  const { id, name, tag, asset, kind, state, priority } = rest;
  const shelvedUntil = formatTimeOrNull(shelvedUntilUs);
  return { id, name, tag, asset, kind, state, priority, since: formatTime(sinceUs), shelvedUntil, ...evidence };
}
