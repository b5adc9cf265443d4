import { expect, test } from 'vitest';
import { HistoryPage, type RawQuery } from '../../historian/history.ts';
import { Points } from '../../historian/points.ts';
import { historianPages } from './historian-pages.ts';

const entry = { id: 1, path: 'plant/A', type: 'double', connector: 'floor', source: 'pump', createdUs: 0 } as const;
const dictionary = { find: (path: string) => (path.toLowerCase() === 'plant/a' ? entry : undefined) };

function historian() {
  const asked: RawQuery[] = [];
  async function* query(question: RawQuery): AsyncGenerator<HistoryPage> {
    asked.push(question);
    yield await Promise.resolve(new HistoryPage(question.tag, new Points(0), [], [], null));
  }
  return { asked, query };
}

const query = (tags: readonly string[]) => ({ tags, fromUs: 0, toUs: 5, signal: new AbortController().signal });

test('a tag is answered once, however often and in whatever case it is asked for', async () => {
  const { asked, query: history } = historian();
  const tags: string[] = [];
  for await (const page of historianPages({ query: history }, dictionary, query(['plant/a', 'PLANT/A', 'plant/A'])))
    tags.push(page.tag);
  expect(tags).toEqual(['plant/A']);
  expect(asked).toEqual([{ tag: 'plant/A', fromUs: 0, toUs: 5 }]);
});

test('a tag that there is not is a fault before anything is read', async () => {
  const { asked, query: history } = historian();
  const pages = historianPages({ query: history }, dictionary, query(['plant/a', 'plant/b']));
  await expect(pages.next()).rejects.toMatchObject({ code: 'tag-unknown', detail: 'plant/b' });
  expect(asked).toEqual([]);
});
