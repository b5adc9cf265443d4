import { writeFileSync } from 'node:fs';
import path from 'node:path';
import { z } from 'zod';
import { version } from '../version.ts';
import type { Route } from './route.ts';
import { allRoutes } from './routes.ts';

/** The page that is made from the routes. Run this file to write it: `npx node edge/api/http-page.ts`. */
export const HTTP_PAGE = path.join(import.meta.dirname, '..', '..', 'docs', 'http.md');

/** Text of the page. */
export function httpPage(): string {
  const routes = allRoutes(version);
  const rows = routes.map((route) => `| \`${route.method} ${route.path}\` | ${escapeCell(route.summary)} |`);
  const sections = routes.flatMap((route) => [
    ...(route.query === undefined ? [] : [parameterSection(route, route.query, 'parameter')]),
    ...(route.body === undefined ? [] : [parameterSection(route, route.body, 'member of the body')]),
  ]);
  return `${introduction}
## Routes

| route | gives |
|---|---|
${rows.join('\n')}

${sections.join('\n')}
${formats}`;
}

function parameterSection(route: Route, schema: z.ZodObject, what: string): string {
  const { properties = {}, required = [] } = schemaOf(schema);
  const rows = Object.entries(properties).map(([name, property]) => {
    const { description = '' } = property as { description?: string };
    return `| \`${name}\` | ${required.includes(name) ? 'yes' : ''} | ${escapeCell(description)} |`;
  });
  return `### ${route.method} ${route.path}\n\n| ${what} | required | meaning |\n|---|---|---|\n${rows.join('\n')}\n`;
}

function schemaOf(schema: z.ZodObject) {
  return z.toJSONSchema(schema, { io: 'input' });
}

function escapeCell(text: string): string {
  return text.replaceAll('|', '\\|').replaceAll('<', '&lt;');
}

const introduction = `# HTTP

A gateway answers on \`http.listen\` (127.0.0.1:8080) and, for commands on the same machine, on the unix socket \`gateway.sock\` in its data folder, which only its own user can open:

\`\`\`sh
curl http://127.0.0.1:8080/readyz
curl -H 'accept: text/csv' 'http://127.0.0.1:8080/api/v1/history?tag=plant/hall/press1/temperature&from=2026-03-01T00:00:00Z'
curl --unix-socket data/gateway.sock http://localhost/api/v1/ledger
\`\`\`

Over TCP the Host of a request must be a loopback name or address, or the configured one, and an Origin must be the gateway's own: pages of others cannot use a browser to read the gateway or to act on it.
Bodies are JSON (\`content-type: application/json\`). The dashboard is at \`/\`.
Errors are problem documents (\`docs/errors.md\`). An address that is asked with a method that it does not have answers 405, with those that it has in \`Allow\`. \`/openapi.json\` describes all of this for programs. This page is made from the same definitions (\`npx node edge/api/http-page.ts\`).
`;

const formats = `## Samples

- Tags are absolute paths, in any case. Times are ISO 8601; in requests they need a zone, in answers they are UTC with microseconds. \`from\` <= time < \`to\`.
- The time is the effective one: that of the device, or of arrival where the device's clock is suspect; JSON then has \`deviceTime\` beside it. Quality is the OPC UA StatusCode in decimal; 0 is Good.
- Doubles are written in the shortest form that reads as the same double, 64-bit integers with all their digits (also in JSON), bytes in base64, arrays as \`{"shape":[3],"stepNs":1000,"d":[0.5,-0.5,2]}\`.
- CSV (\`Accept: text/csv\`) has the header \`time,value,quality\`, of several tags \`tag,time,value,quality\`. A value of null is an empty field, an empty text is \`""\`.
- JSON ends with \`gaps\`: spans in which samples may be missing, and why. CSV has no room for them; the trailer \`millrace-gaps\` says how many there are (\`curl -v\` shows it).
- The live view (\`GET /api/v1/live\`) is a stream of server-sent events: \`event: sample\` with \`{"items":[{"tag","time","value","quality","flags"}]}\`, first the last known sample of each tag, then what is new, at most four times a second; who is slow gets the newest sample of each tag. \`event: ping\` comes when there was nothing for 15 s.
- With \`interval\` and \`aggregate\` an answer has a row for each interval, counted from the epoch in UTC, also for those without values: \`{"items":[{"tag","interval":"1m","aggregates":["mean","max"],"partial":[],"rows":[[time,mean,max],…]}],"gaps":[…]}\`, in CSV \`time,mean,max\`. The first and last interval may begin before \`from\` or end behind \`to\`; they then have only samples of the span, and \`partial\` names them. At most 100,000 intervals of a tag.
- Aggregates are of the values of quality Good alone (OPC UA Part 13, TreatUncertainAsBad). \`mean\` is the arithmetic mean of the samples; \`min\`, \`max\`, \`first\` and \`last\` are exact, also of 64-bit integers; booleans are 0 and 1; texts, bytes and arrays have none (\`aggregate-type\`). Without a good value all are null (in CSV empty) and the count is 0.
- Every other aggregate is one of OPC UA Part 13 (\`historian/aggregates/README.md\` says how each is calculated): \`{"items":[{"tag","interval":"1m","aggregates":["TimeAverage2"],"partial":[],"columns":["time","TimeAverage2","TimeAverage2_quality"],"rows":[[time,value,quality],…]}],"gaps":[…]}\`, in CSV the columns. \`…_quality\` is the StatusCode of the result with its info bits; aggregates of one sample have \`…_time\` too, when that was. Values before and behind an interval count where the standard says so. Durations are in ms, totals in the unit times seconds. Of texts there are those that count samples or times. AnnotationCount is 0 with the StatusCode Good, as the standard has it where there are none: samples of this version have no annotations.
- With \`interval=day\` and the other calendar units there are \`end\` and \`label\` behind \`time\`: days have 23 or 25 hours where the clock of the site is changed. \`shift\` needs \`site.shifts\`; what lies between shifts belongs to none.
- With \`aggregate=counted\` there are \`counted\`, its StatusCode and \`marks\` (\`rollover\`, \`reset\`, \`replacement\`, \`known-replacement\`, \`correction\`, \`ambiguous\`, \`gap\`); JSON has \`events\` with both readings of each. Which tags are counters, and when their device was replaced, says \`historian.counters\`, or \`rollover\`, \`maxPerSecond\`, \`correction\` do.
- With \`at\` or \`every\` there is a row for each time: \`time\`, \`value\`, \`quality\`; with \`method=previous\` and \`next\` also \`sample_time\`. A value that was calculated has the info bit Interpolated, and is UncertainDataSubNormal where bad samples were skipped; where nothing is known it is null with BadNoData.
- With \`points\` and \`shape\` the rows are samples: \`time\`, \`value\`, \`quality\`; what is not good has no value, so a line that ends at each of them has no part across a gap.
- With \`layout=wide\` there is one row for each time: in CSV \`time\`, then a column for each tag; in JSON \`{"columns":[…],"rows":[[…]],"gaps":[…]}\`. It has values only; their StatusCodes are in the long layout.
- Event frames (\`GET /api/v1/event-frames\`): \`start\` and \`end\`, why they are there (\`condition\`, \`gap\`, or \`open\` where it goes on beyond the span), \`seconds\`, \`samples\`, \`min\`, \`max\`, \`mean\` over time, \`gapSeconds\` of gaps that were bridged.
- With \`points\` an answer is what a chart of so many pixels shows: \`{"items":[{"tag","raw":false,"bucketSeconds":120,"partial":[],"points":[[time,min,max,first,last,count],…]}],"gaps":[…]}\`, at most so many buckets of the least round width (1, 2, 3, 5, 10 s, … 12 h, 1 d), counted from the epoch in UTC, so that a chart that is moved shows the same ones. The first may therefore begin before \`from\` and the last end behind \`to\`; they have only samples of the span, and \`partial\` names them. Where there are no more samples than that, there are the samples themselves (\`raw\`), those that are not good as null.
- The \`gaps\` of aggregates and charts also have what the source did not give (\`no-value\`): from a null sample, such as BadNoCommunication, to the next good value. \`from\` or \`to\` left out is the first or last sample of the tags that are asked for.
- Arrow (\`Accept: application/vnd.apache.arrow.stream\`) is an IPC stream of record batches: \`time\` (µs, UTC), \`tag\`, \`kind\`, \`value\` (every number as double), \`integer\`, \`unsigned\`, \`text\`, \`bytes\`, \`quality\`, \`flags\`, \`device_time\`, \`server_time\`; of aggregates \`time\`, \`tag\` and a column each. Gaps are JSON in the metadata of their batch (\`millrace.gaps\`), and the trailer \`millrace-gaps\` counts them.
- \`POST /api/v1/sql\` takes \`{"sql":"SELECT …"}\` and gives \`{"columns":[{"name","type"}],"rows":[[…],…],"gaps":0,"more":false}\`, or CSV or Arrow. \`more\`: there are more rows than \`limit\` says (in the trailer \`millrace-more\` too). Two questions at a time. An error of the statement has status 422, with its line and column. \`millrace sql --help\` lists tables and columns.
- With a cold tier (\`historian.tier\`) samples, SQL, the aggregates of Part 13, values at times and event frames reach back to what only the tier has; where it does not answer, such a question fails. The short aggregates (\`mean\`, \`min\` …) and charts are of what the gateway has itself: the rest is a gap (\`expired\`).
- An answer that cannot be finished is broken off, never just ended: a client that reads to the end has everything.
`;

if (import.meta.main) writeFileSync(HTTP_PAGE, httpPage());
