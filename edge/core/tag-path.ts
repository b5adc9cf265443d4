/** Tag paths (FORMAT.md, "Tags"): levels of ISA-95 joined by `/`, the site first. */

export const MAX_TAG_BYTES = 255;
const MIN_SEGMENTS = 2;
export const MAX_SEGMENTS = 16;

// oxlint-disable-next-line no-control-regex -- control characters are what is looked for
const FORBIDDEN = /[\u0000-\u001f\u007f-\u009f/+#*?${}[\]\\%]/u;
// oxlint-disable-next-line no-control-regex -- control characters are what is looked for
const FORBIDDEN_ALL = /[\u0000-\u001f\u007f-\u009f/+#*?${}[\]\\%]|^\s|\s$/gu;
// oxlint-disable-next-line no-control-regex -- all that is ASCII
const NOT_ASCII = /[^\u0000-\u007f]/gu;
const ESCAPE = /%([0-9A-F]{2})/g;
const PLAIN = /^[A-Za-z0-9_.-]+$/;
const encoder = new TextEncoder();
// A byte order mark at the start belongs to the name: without this it would be dropped.
const decoder = new TextDecoder('utf-8', { ignoreBOM: true });

/** A name from a source (a level of a topic, a JSON key, a browse name) as a segment, reversibly: `50%` becomes `50%25`. An empty name stays empty, which no path may contain. */
export function escapeSegment(name: string): string {
  if (PLAIN.test(name)) return name;
  const wellFormed = name.toWellFormed();
  const segment = wellFormed.replace(FORBIDDEN_ALL, percent);
  // The segment too must be NFC: a combining mark behind a forbidden character would join the last digit of its escape.
  if (isNfc(wellFormed) && isNfc(segment)) return segment;
  return segment.replace(NOT_ASCII, percent);
}

function isNfc(text: string): boolean {
  return text.normalize('NFC') === text;
}

function percent(character: string): string {
  let out = '';
  for (const byte of encoder.encode(character)) out += `%${byte.toString(16).toUpperCase().padStart(2, '0')}`;
  return out;
}

/** The source's name behind a segment. */
export function unescapeSegment(segment: string): string {
  if (!segment.includes('%')) return segment;
  const bytes = encoder.encode(segment);
  const out: number[] = [];
  for (let i = 0; i < bytes.length; i++) {
    const hex = bytes[i] === 0x25 ? String.fromCharCode(bytes[i + 1] ?? 0, bytes[i + 2] ?? 0) : '';
    if (/^[0-9A-F]{2}$/.test(hex)) {
      out.push(Number.parseInt(hex, 16));
      i += 2;
    } else {
      out.push(bytes[i] ?? 0);
    }
  }
  return decoder.decode(Uint8Array.from(out));
}

export type TagPathProblem = 'bad-tag' | 'tag-too-long';

/** What is wrong with an absolute path, or undefined. `tag-too-long`: over 255 bytes; `bad-tag`: everything else. */
export function checkTagPath(path: string): TagPathProblem | undefined {
  const segments = path.split('/');
  if (segments.length < MIN_SEGMENTS || segments.length > MAX_SEGMENTS) return 'bad-tag';
  for (const segment of segments) if (!isSegment(segment)) return 'bad-tag';
  if (path.length > MAX_TAG_BYTES || encoder.encode(path).length > MAX_TAG_BYTES) return 'tag-too-long';
  return undefined;
}

/** Whether a text is a valid segment as it stands (escapes included). */
export function isSegment(segment: string): boolean {
  if (PLAIN.test(segment)) return true;
  if (segment === '' || segment.trim() !== segment) return false;
  if (FORBIDDEN.test(segment.replace(ESCAPE, ''))) return false;
  return segment.isWellFormed() && isNfc(segment);
}

/** What two paths have in common if they differ only in case. */
export function tagPathKey(path: string): string {
  return path.toLowerCase();
}
