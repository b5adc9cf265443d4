import { writeFileSync } from 'node:fs';
import path from 'node:path';
import { catalogue } from '../core/fault-catalogue.ts';
import type { FaultCode } from '../core/fault.ts';
import { statusOf } from './problem.ts';

/** The page that is made from the catalogue of faults. Run this file to write it: `npx node edge/api/errors-page.ts`. */
export const ERRORS_PAGE = path.join(import.meta.dirname, '..', '..', 'docs', 'errors.md');

/** Text of the page. */
export function errorsPage(): string {
  const codes = Object.keys(catalogue) as FaultCode[];
  const sections = codes.map((code) => {
    const { what, todo } = catalogue[code];
    const http = statusOf(code) === 500 ? '' : `\nHTTP status ${statusOf(code)}.\n`;
    return `## ${code}\n\n${what} ${todo}\n${http}`;
  });
  return `${introduction}\n${sections.join('\n')}`;
}

const introduction = `# Errors

Every error that Millrace reports has one of these codes; they are stable. Commands print what happened, the details, and what to do:

\`\`\`
millrace: Another gateway already runs on this data folder.
  Process 4711 has /var/lib/millrace.
  Stop the process that is named, or give this one another data folder.
\`\`\`

The exit code is 0 when a command is done, 1 when it failed, 2 when it was called wrongly or the configuration has errors.

HTTP answers are problem documents (RFC 9457, \`application/problem+json\`); \`type\` is \`urn:millrace:error:\` and the code, the status 500 where
none is named below:

\`\`\`json
{"type":"urn:millrace:error:tag-unknown","title":"There is no such tag.","status":404,"detail":"plant/pump","todo":"The tag list is at GET /api/v1/tags; \`millrace sql \\"FROM tags\\"\` prints it."}
\`\`\`

This page is made from the catalogue in \`edge/core/fault.ts\` (\`npx node edge/api/errors-page.ts\`).
`;

if (import.meta.main) writeFileSync(ERRORS_PAGE, errorsPage());
