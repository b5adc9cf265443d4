/**
 * A test for tag paths by a pattern: `*` stands for any text within a level, `**` for any number of levels; without regard to case, like paths themselves.
 * `plant/*` is every tag one level below, `plant/**` all of them.
 */
export function tagMatcher(pattern: string): (path: string) => boolean {
  const levels = pattern.toLowerCase().split('/');
  if (levels.every((level) => level !== '**' && !level.includes('*'))) {
    const whole = levels.join('/');
    return (path) => path.toLowerCase() === whole;
  }
  const tests = levels.map((level) => (level === '**' ? null : levelTest(level)));
  return (path) => matches(path.toLowerCase().split('/'), tests);
}

type LevelTest = (level: string) => boolean;

function levelTest(pattern: string): LevelTest {
  const parts = pattern.split('*');
  const [first = '', ...rest] = parts;
  const last = rest.pop();
  if (last === undefined) return (level) => level === first;
  return (level) => {
    if (level.length < first.length + last.length || !level.startsWith(first) || !level.endsWith(last)) return false;
    let at = first.length;
    for (const part of rest) {
      const found = level.indexOf(part, at);
      if (found < 0) return false;
      at = found + part.length;
    }
    return at <= level.length - last.length;
  };
}

/** Levels against tests where null takes any number; the last `**` is the only one that needs to be reconsidered, so the work is at most levels times tests. */
function matches(levels: readonly string[], tests: readonly (LevelTest | null)[]): boolean {
  let level = 0;
  let test = 0;
  let retryTest = -1;
  let retryLevel = 0;
  while (level < levels.length) {
    const current = tests[test];
    if (current === null) {
      retryTest = test++;
      retryLevel = level;
    } else if (current !== undefined && current(levels[level] ?? '')) {
      level++;
      test++;
    } else if (retryTest >= 0) {
      test = retryTest + 1;
      level = ++retryLevel;
    } else return false;
  }
  return tests.slice(test).every((rest) => rest === null);
}
