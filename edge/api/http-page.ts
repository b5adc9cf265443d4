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
  const sections = routes.filter(({ query }) => query !== undefined).map(parameterSection);
  return `${introduction}
## Routes

| route | gives |
|---|---|
${rows.join('\n')}

${sections.join('\n')}
${formats}`;
}

function parameterSection(route: Route): string {
  const { properties = {}, required = [] } = route.query === undefined ? {} : schemaOf(route.query);
  const rows = Object.entries(properties).map(([name, property]) => {
    const { description = '' } = property as { description?: string };
    return `| \`${name}\` | ${required.includes(name) ? 'yes' : ''} | ${escapeCell(description)} |`;
  });
  return `### ${route.method} ${route.path}\n\n| parameter | required | meaning |\n|---|---|---|\n${rows.join('\n')}\n`;
}

function schemaOf(query: z.ZodObject) {
  return z.toJSONSchema(query, { io: 'input' });
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

Over TCP the Host of a request must be a loopback name or address, or the configured one, and an Origin must be the gateway's own: pages of others cannot use a browser to read the gateway.
Errors are problem documents (\`docs/errors.md\`). \`/openapi.json\` describes all of this for programs. This page is made from the same definitions (\`npx node edge/api/http-page.ts\`).
`;

const formats = `## Samples

- Tags are absolute paths, in any case. Times are ISO 8601; in requests they need a zone, in answers they are UTC with microseconds. \`from\` <= time < \`to\`.
- The time is the effective one: that of the device, or of arrival where the device's clock is suspect; JSON then has \`deviceTime\` beside it. Quality is the OPC UA StatusCode in decimal; 0 is Good.
- Doubles are written in the shortest form that reads as the same double, 64-bit integers with all their digits (also in JSON), bytes in base64, arrays as \`{"shape":[3],"stepNs":1000,"d":[0.5,-0.5,2]}\`.
- CSV (\`Accept: text/csv\`) has the header \`time,value,quality\`, of several tags \`tag,time,value,quality\`. A value of null is an empty field, an empty text is \`""\`.
- JSON ends with \`gaps\`: spans in which samples may be missing, and why. CSV has no room for them; the trailer \`millrace-gaps\` says how many there are (\`curl -v\` shows it).
- An answer that cannot be finished is broken off, never just ended: a client that reads to the end has everything.
`;

if (import.meta.main) writeFileSync(HTTP_PAGE, httpPage());
