import { posix } from 'node:path';
import { finding, isCode, type Finding, type Source } from './source.ts';

export const maxFileLines = 400;

/** Source files that no longer do one thing. */
export function longFiles(source: Source): Finding[] {
  const lines = source.text.trimEnd().split('\n').length;
  return isCode(source) && lines > maxFileLines ? [finding(source, 0, `${lines} lines`)] : [];
}

const privatePlaces = [
  { pattern: /(?<![\w.~-])\/(?:home|root|Users|work)\//g, what: 'a path of one machine' },
  { pattern: /\b[A-Z]:\\Users\\/g, what: 'a path of one machine' },
  { pattern: /https?:\/\/(?:registry|repo\d*|proxy|static|index|files)\.[a-z]/gi, what: 'a registry' },
  {
    pattern:
      /\b(?:registry\.npmjs|repo1\.maven|repo\.maven\.apache|pypi|pythonhosted|proxy\.golang|deb\.debian)\.org\b/gi,
    what: 'a registry',
  },
];

/** Paths that exist on one machine only, and registries: which one to use is for the machine's own configuration. */
export function privateNames(source: Source): Finding[] {
  return privatePlaces.flatMap(({ pattern, what }) =>
    [...source.text.matchAll(pattern)].map((match) => finding(source, match.index, `${what}: ${match[0]}`)),
  );
}

/** Folders with source files but without a README.md that says what lives there. */
export function missingReadmes(sources: readonly Source[]): Finding[] {
  const paths = new Set(sources.map(({ path }) => path));
  const folders = new Set(sources.filter(isCode).map(({ path }) => posix.dirname(path)));
  const readmes = [...folders].map((folder) => posix.join(folder, 'README.md'));
  return readmes.filter((path) => !paths.has(path)).map((path) => `${path}:1  is missing`);
}

/** Source files that the README.md beside them does not name. Tests tell their own names, and a folder of many alike may say that there is a file for each. */
export function unlistedFiles(sources: readonly Source[]): Finding[] {
  const readmes = new Map(
    sources.filter(({ path }) => /(?:^|\/)README\.md$/.test(path)).map((each) => [each.path, each]),
  );
  return sources.filter(isCode).flatMap(({ path }) => {
    const readme = readmes.get(posix.join(posix.dirname(path), 'README.md'));
    if (readme === undefined || path.endsWith('.test.ts') || !path.includes('/')) return [];
    if (/\b(?:a|one) file (?:for each|per)\b/i.test(readme.text)) return [];
    return names(readme.text).includes(posix.basename(path)) ? [] : [finding(readme, 0, `${path} is not in it`)];
  });
}

/** What a text names that may be a file. */
function names(text: string): string[] {
  return text.match(/[\w-]+(?:\.[\w-]+)*/g) ?? [];
}
