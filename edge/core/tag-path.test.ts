import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  checkTagPath,
  escapeSegment,
  isSegment,
  MAX_SEGMENTS,
  MAX_TAG_BYTES,
  tagPathKey,
  unescapeSegment,
} from './tag-path.ts';

/** Characters that have given trouble: forbidden ones, blanks of all kinds, hex digits beside combining marks, a byte order mark, surrogate pairs. */
const trouble = fc.constantFrom(
  ...'/+#*?${}[]\\% \t\n\r\0\u007f\u0085\u009f\u00a0\u2028\u3000\ufeffABCDEF0123456789abcdef.-_'.split(''),
  ...'\u0307\u0308\u0323\u0338\u0342\u0345\u212b\u0344\u1e9b\uac00\u1100\u1161'.split(''),
  '\u{1F4A7}',
  '\u{10FFFF}',
  '%25',
  '%2F',
  '%c3',
);
const name = fc
  .oneof(
    fc.string({ unit: trouble, minLength: 1, maxLength: 12 }),
    fc.string({ unit: 'binary', minLength: 1, maxLength: 12 }),
    fc.string({ unit: 'grapheme', minLength: 1, maxLength: 12 }),
  )
  .filter((text) => text.isWellFormed());

function percent(character: string): string {
  const bytes = new TextEncoder().encode(character);
  return [...bytes].map((byte) => `%${byte.toString(16).toUpperCase().padStart(2, '0')}`).join('');
}

/** FORMAT.md, "Escape", word by word. */
function reference(text: string): string {
  const characters = Array.from(text);
  const escaped = (alsoAbove7F: boolean): string =>
    characters
      .map((character, i) => {
        const code = character.codePointAt(0) ?? 0;
        const control = code < 0x20 || (code >= 0x7f && code <= 0x9f);
        const outerBlank = (i === 0 || i === characters.length - 1) && character.trim() === '';
        const forbidden = control || '/+#*?${}[]\\%'.includes(character) || outerBlank;
        return forbidden || (alsoAbove7F && code > 0x7f) ? percent(character) : character;
      })
      .join('');
  const segment = escaped(text.normalize('NFC') !== text);
  return segment.normalize('NFC') === segment ? segment : escaped(true);
}

describe('a name from a source as a segment', () => {
  test('comes back as it was', () => {
    fc.assert(
      fc.property(name, (text) => {
        expect(unescapeSegment(escapeSegment(text))).toBe(text);
      }),
      { numRuns: 20_000 },
    );
  });

  test('is always a valid segment', () => {
    fc.assert(
      fc.property(name, (text) => {
        const segment = escapeSegment(text);
        expect([segment, isSegment(segment)]).toEqual([segment, true]);
      }),
      { numRuns: 20_000 },
    );
  });

  test('is escaped as FORMAT.md says', () => {
    fc.assert(
      fc.property(name, (text) => {
        expect(escapeSegment(text)).toBe(reference(text));
      }),
      { numRuns: 20_000 },
    );
  });

  test('two names never share a segment', () => {
    fc.assert(
      fc.property(name, name, (one, other) => {
        expect(escapeSegment(one) === escapeSegment(other)).toBe(one === other);
      }),
      { numRuns: 5000 },
    );
  });

  test.each([
    ['a mark that would join the last hex digit of an escape', '/\u0307', '%2F%CC%87'],
    ['a byte order mark', '\ufeffx', '%EF%BB%BFx'],
    ['an inner blank of a name that is not NFC', 'a O\u0308l', 'a O%CC%88l'],
    ['a no-break space at the end', 'x\u00a0', 'x%C2%A0'],
    ['two blanks at an end', '  x', '%20 x'],
    ['blanks alone', '   ', '%20 %20'],
    ['one blank', ' ', '%20'],
    ['what looks like an escape', '%2F', '%252F'],
    ['a surrogate pair', '\u{1F4A7}', '\u{1F4A7}'],
  ])('%s', (_, text, segment) => {
    expect(escapeSegment(text)).toBe(segment);
    expect(unescapeSegment(segment)).toBe(text);
    expect(isSegment(segment)).toBe(true);
  });

  test('a lone surrogate cannot be kept: it becomes U+FFFD', () => {
    expect(escapeSegment('a\ud800')).toBe('a\ufffd');
  });

  test('an empty name stays empty, which no path may contain', () => {
    expect(escapeSegment('')).toBe('');
    expect(checkTagPath('site/')).toBe('bad-tag');
  });
});

describe('a segment', () => {
  test.each([
    '',
    ' ',
    ' x',
    'x ',
    'a+b',
    'a#',
    'a*',
    'a?',
    '$a',
    '{a',
    'a}',
    '[a',
    'a]',
    'a\\b',
    '%',
    '50%',
    '%2',
    '%2f',
  ])('"%s" is none', (segment) => {
    expect(isSegment(segment)).toBe(false);
  });
  test.each(['\0', 'a\nb', '\u007f', '\u0085', '\u009f', 'O\u0308l', 'a\ud800', '\u00a0x', '\ufeffx', '%%2525'])(
    'control characters, other blanks, text that is not NFC or not well-formed are none (%j)',
    (segment) => {
      expect(isSegment(segment)).toBe(false);
    },
  );
  test.each(['x', 'T.1-a_b', 'a b', 'Öl', '%25', 'a%2Fb', '100 %25', '漢字', '\u{1F4A7}'])('"%s" is one', (segment) => {
    expect(isSegment(segment)).toBe(true);
  });

  test('any text is judged without an error', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary', maxLength: 30 }), (text) => {
        expect([true, false]).toContain(isSegment(text));
        expect([undefined, 'bad-tag', 'tag-too-long']).toContain(checkTagPath(text));
      }),
      { numRuns: 3000 },
    );
  });
});

const path = (segments: number): string => Array(segments).fill('x').join('/');

describe('a path', () => {
  test('has 2 to 16 segments', () => {
    expect([path(1), path(2), path(MAX_SEGMENTS), path(MAX_SEGMENTS + 1)].map(checkTagPath)).toEqual([
      'bad-tag',
      undefined,
      undefined,
      'bad-tag',
    ]);
    expect(['', '/', '/a', 'a/', 'a//b', '/a/b'].map(checkTagPath)).toEqual(Array(6).fill('bad-tag'));
  });

  test('has at most 255 bytes of UTF-8, counted after escaping', () => {
    expect(checkTagPath(`site/${'x'.repeat(MAX_TAG_BYTES - 5)}`)).toBeUndefined();
    expect(checkTagPath(`site/${'x'.repeat(MAX_TAG_BYTES - 4)}`)).toBe('tag-too-long');
    expect(checkTagPath(`site/${'Ö'.repeat(125)}`)).toBeUndefined();
    expect(checkTagPath(`site/${'Ö'.repeat(125)}x`)).toBe('tag-too-long');
    expect(checkTagPath(`site/${'\u{1F4A7}'.repeat(63)}`)).toBe('tag-too-long');
    expect(checkTagPath(`site/${escapeSegment('+'.repeat(83))}`)).toBeUndefined();
    expect(checkTagPath(`site/${escapeSegment('+'.repeat(84))}`)).toBe('tag-too-long');
  });

  test('is valid for any names that fit', () => {
    const names = fc.array(name, { minLength: 2, maxLength: 16 });
    fc.assert(
      fc.property(names, (parts) => {
        const joined = parts.map(escapeSegment).join('/');
        const bytes = new TextEncoder().encode(joined).length;
        expect(checkTagPath(joined)).toBe(bytes > MAX_TAG_BYTES ? 'tag-too-long' : undefined);
        expect(joined.normalize('NFC')).toBe(joined);
        expect(joined.split('/').map(unescapeSegment)).toEqual(parts);
      }),
      { numRuns: 5000 },
    );
  });

  test('has the same key as one that differs only in case', () => {
    expect(tagPathKey('Site/ÖL/Pump')).toBe(tagPathKey('site/öl/pUMP'));
    expect(tagPathKey('site/a')).not.toBe(tagPathKey('site/b'));
    fc.assert(
      fc.property(name, (text) => {
        const key = tagPathKey(`s/${escapeSegment(text)}`);
        expect(tagPathKey(key)).toBe(key);
      }),
      { numRuns: 3000 },
    );
  });
});
