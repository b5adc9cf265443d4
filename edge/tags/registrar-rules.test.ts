import path from 'node:path';
import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import type { Clock } from '../core/clock.ts';
import { type Disk, realDisk } from '../core/disk.ts';
import { LogFolder } from '../core/log-kit.ts';
import { type TagType, ValueKind } from '../core/sample.ts';
import { TagDictionary } from './dictionary.ts';
import { type TagQuestion, TagRegistrar } from './registrar.ts';

const clock: Clock = { nowMs: () => 1e12, nowUs: () => 1e15, monotonicMs: () => 0 };
const quickDisk: Disk = { ...realDisk, sync: () => undefined, syncFolder: () => undefined };

function ask(name: string, kind: TagQuestion['kind'], source: string): TagQuestion {
  return { path: `northmill/${name}`, kind, connector: 'floor', source };
}

test('any sequence of questions keeps the rules: one id a path, one type a tag, dense ids, limits', () => {
  const question = fc.record({
    name: fc.constantFrom('a', 'A', 'b', 'c', 'd/e', 'D/e', 'f', 'g'),
    kind: fc.constantFrom(ValueKind.null, ValueKind.long, ValueKind.double, ValueKind.string),
    source: fc.constantFrom('pump-1', 'pump-2', 'pump-3'),
  });
  fc.assert(
    fc.property(fc.array(fc.array(question, { maxLength: 6 }), { maxLength: 8 }), (requests) => {
      using own = new LogFolder();
      const dictionary = new TagDictionary(quickDisk, path.join(own.data, 'tags'));
      dictionary.open();
      const registrar = new TagRegistrar(dictionary, clock, () => undefined, { perGateway: 5, perDevice: 2 });
      const known = new Map<string, { path: string; id: number; type: TagType | null; source: string }>();
      for (const request of requests) {
        const questions = request.map(({ name, kind, source }) => ask(name, kind, source));
        const refused = questions.map(({ path: of, kind, source }) => {
          const tag = known.get(of.toLowerCase());
          const type = kind === ValueKind.null ? null : (Object.keys(ValueKind)[kind] as TagType);
          const ofSource = [...known.values()].filter((entry) => entry.source === source).length;
          if (tag === undefined && known.size < 5 && ofSource < 2)
            known.set(of.toLowerCase(), { path: of, id: known.size + 1, type, source });
          else if (tag === undefined) return 'tag-quota';
          else if (tag.path !== of) return 'case-conflict';
          else tag.type ??= type;
          return undefined;
        });
        const expected = questions.map(({ path: of }, i) => {
          const tag = known.get(of.toLowerCase());
          return refused[i] ?? `${tag?.id} ${tag?.type}`;
        });
        const answers = registrar.answer(questions);
        expect(answers.map((answer) => ('problem' in answer ? answer.problem : `${answer.id} ${answer.type}`))).toEqual(
          expected,
        );
      }
      dictionary.close();
    }),
    { numRuns: 200 },
  );
});
