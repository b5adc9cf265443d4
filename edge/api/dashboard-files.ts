import { createHash } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { createRequire, stripTypeScriptTypes } from 'node:module';
import path from 'node:path';

const FOLDER = path.join(import.meta.dirname, '..', 'dashboard');
/** The page itself. */
export const DASHBOARD_PAGE = 'index.html';

const MEDIA_TYPES: Readonly<Record<string, string>> = {
  '.html': 'text/html; charset=utf-8',
  '.css': 'text/css; charset=utf-8',
  '.svg': 'image/svg+xml; charset=utf-8',
  '.ts': 'text/javascript; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
};

/** Nothing but what this gateway serves; no script and no style within the page; in no frame. */
export const PAGE_HEADERS = {
  'content-security-policy': [
    "default-src 'self'",
    "base-uri 'none'",
    "form-action 'none'",
    "frame-ancestors 'none'",
    "object-src 'none'",
    "require-trusted-types-for 'script'",
  ].join('; '),
  'referrer-policy': 'no-referrer',
  // Asked for each time, sent only when it has changed.
  'cache-control': 'no-cache',
};

/** A file of the dashboard as it is sent. */
export interface DashboardFile {
  readonly mediaType: string;
  readonly body: string;
  readonly etag: string;
}

/**
 * The files of the dashboard: those in `edge/dashboard`, and uPlot. There is no build step: types are taken out of a module when it is first asked for (about a millisecond
 * a file), and the name of a package in an import becomes the address of its file. Names are looked up, never joined to a path.
 */
export class DashboardFiles {
  private readonly sources: ReadonlyMap<string, string>;
  private readonly packages: ReadonlyMap<string, string>;
  private readonly ready = new Map<string, DashboardFile>();

  constructor(folder: string = FOLDER) {
    const own = readdirSync(folder).filter(
      (name) => path.extname(name) in MEDIA_TYPES && !/\.(test|d)\.ts$/.test(name),
    );
    const uplot = path.dirname(createRequire(import.meta.url).resolve('uplot'));
    const foreign = ['uPlot.esm.js', 'uPlot.min.css'];
    this.sources = new Map([
      ...own.map((name) => [name, path.join(folder, name)] as const),
      ...foreign.map((name) => [name, path.join(uplot, name)] as const),
    ]);
    this.packages = new Map([['uplot', './uPlot.esm.js']]);
  }

  /** Undefined: there is no such file. */
  file(name: string): DashboardFile | undefined {
    const before = this.ready.get(name);
    const source = this.sources.get(name);
    if (before !== undefined || source === undefined) return before;
    const text = readFileSync(source, 'utf8');
    const extension = path.extname(name);
    const body = extension === '.ts' ? this.script(text) : text;
    const etag = `"${createHash('sha256').update(body).digest('base64url').slice(0, 27)}"`;
    const file = { mediaType: MEDIA_TYPES[extension] ?? 'application/octet-stream', body, etag };
    this.ready.set(name, file);
    return file;
  }

  private script(text: string): string {
    return withoutWarning(() => stripTypeScriptTypes(text)).replaceAll(
      /^(import .* from )'([a-z][\w-]*)';/gm,
      (whole: string, head: string, name: string) => {
        const address = this.packages.get(name);
        return address === undefined ? whole : `${head}'${address}';`;
      },
    );
  }
}

/** Node warns once that `stripTypeScriptTypes` may change. The version of Node is the package's own, so that says nothing to the user. */
function withoutWarning<T>(work: () => T): T {
  const emitWarning = process.emitWarning.bind(process);
  process.emitWarning = () => undefined;
  try {
    return work();
  } finally {
    process.emitWarning = emitWarning;
  }
}
