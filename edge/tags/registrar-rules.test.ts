import path from 'node:path';
import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import type { Clock } from '../core/clock.ts';
import { type Disk, realDisk } from '../core/disk.ts';
import { LogFolder } from '../core/kit/log-kit.ts';
import { type TagType, ValueKind } from '../core/sample.ts';
import { TAG_CLASSES, type TagClass } from '../core/topics.ts';
import { TagDictionary } from './dictionary.ts';
import { type TagQuestion, TagRegistrar } from './registrar.ts';

const clock: Clock = { nowMs: () => 1e12, nowUs: () => 1e15, monotonicMs: () => 0 };
const quickDisk: Disk = { ...realDisk, sync: () => undefined, syncFolder: () => undefined };

interface Known {
  readonly path: string;
  readonly id: number;
  type: TagType | null;
  readonly source: string;
  readonly class: TagClass;
}

test('any sequence of questions keeps the rules: one id a path, one type and one class a tag, dense ids, limits', () => {
  const question = fc.record({
    name: fc.constantFrom('a', 'A', 'b', 'c', 'd/e', 'D/e', 'f', 'g'),
    kind: fc.constantFrom(ValueKind.null, ValueKind.long, ValueKind.double, ValueKind.string),
    source: fc.constantFrom('pump-1', 'pump-2', 'pump-3'),
    class: fc.constantFrom(undefined, ...TAG_CLASSES),
  });
  fc.assert(
    fc.property(fc.array(fc.array(question, { maxLength: 6 }), { maxLength: 8 }), (requests) => {
      using own = new LogFolder();
      const dictionary = new TagDictionary(quickDisk, path.join(own.data, 'tags'));
      dictionary.open();
      const registrar = new TagRegistrar(dictionary, clock, () => undefined, { perGateway: 5, perDevice: 2 });
      const known = new Map<string, Known>();
      for (const request of requests) {
        const questions = request.map(({ name, ...asked }): TagQuestion => {
          return { path: `northmill/${name}`, connector: 'floor', ...asked };
        });
        const refused = questions.map(({ path: of, kind, source, class: ofClass = 'standard' }) => {
          const tag = known.get(of.toLowerCase());
          const type = kind === ValueKind.null ? null : (Object.keys(ValueKind)[kind] as TagType);
          const ofSource = [...known.values()].filter((entry) => entry.source === source).length;
          if (tag === undefined && known.size < 5 && ofSource < 2)
            known.set(of.toLowerCase(), { path: of, id: known.size + 1, type, source, class: ofClass });
          else if (tag === undefined) return 'tag-quota';
          else if (tag.path !== of) return 'case-conflict';
          else tag.type ??= type;
          return undefined;
        });
        const expected = questions.map(({ path: of }, i) => {
          const tag = known.get(of.toLowerCase());
          return refused[i] ?? `${tag?.id} ${tag?.type} ${tag?.class}`;
        });
        const answers = registrar.answer(questions);
        const told = answers.map((answer) =>
          'problem' in answer ? answer.problem : `${answer.id} ${answer.type} ${answer.class}`,
        );
        expect(told).toEqual(expected);
      }
      dictionary.close();
      const again = new TagDictionary(quickDisk, path.join(own.data, 'tags'));
      again.openReadOnly();
      expect(again.all().map(({ path: of, class: kept }) => [of, kept])).toEqual(
        [...known.values()].map(({ path: of, class: ofClass }) => [of, ofClass]),
      );
    }),
    { numRuns: 200 },
  );
});
