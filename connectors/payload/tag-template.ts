import { escapeSegment, isSegment } from '../../edge/core/tag-path.ts';

/** A tag path with places to fill in: `{1}`, `{2}` … what the topic's wildcards took, `{key}` the name that a JSON path's `*` stood for. */
export interface TagTemplate {
  /** Literal texts and, between them, what to fill in: number of a capture (from 1), or `key`. */
  readonly parts: readonly (string | { readonly capture: number } | { readonly key: true })[];
}

const PLACE = /\{([^{}]*)\}/;

/** Compiles a template, or says what is wrong with it. `wildcards`: how many the topic filter has; `key`: whether there is a `*`. */
export function compileTemplate(text: string, wildcards: number, key: boolean): TagTemplate | string {
  const parts: TagTemplate['parts'][number][] = [];
  // Odd elements are what stood in braces.
  for (const [i, piece] of text.split(PLACE).entries()) {
    if (i % 2 === 0) {
      if (piece !== '') parts.push(piece);
    } else if (piece === 'key') {
      if (!key) return '`{key}` without a `*` in the JSON path';
      parts.push({ key: true });
    } else {
      const capture = /^[1-9]\d?$/.test(piece) ? Number(piece) : 0;
      if (capture === 0) return `\`{${piece}}\` is neither a number nor \`key\``;
      if (capture > wildcards)
        return `\`{${piece}}\`, but the topic filter has ${wildcards === 1 ? '1 wildcard' : `${wildcards} wildcards`}`;
      parts.push({ capture });
    }
  }
  const bad = text
    .replaceAll(new RegExp(PLACE, 'g'), 'x')
    .split('/')
    .find((segment) => !isSegment(segment));
  return bad === undefined ? { parts } : `${JSON.stringify(bad)} cannot be a level of a tag path`;
}

/** Fills a template in. Names from the source are escaped; a capture of several levels (`#`) becomes several segments. */
export function fillTemplate(template: TagTemplate, captured: readonly (readonly string[])[], key: string): string {
  let path = '';
  for (const part of template.parts) {
    if (typeof part === 'string') path += part;
    else if ('key' in part) path += escapeSegment(key);
    else path += escapeLevels(captured[part.capture - 1] ?? []);
  }
  return path;
}

/** Levels of a topic as segments of a tag path. */
export function escapeLevels(levels: readonly string[]): string {
  return levels.map(escapeSegment).join('/');
}
