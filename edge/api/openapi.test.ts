import { expect, test } from 'vitest';
import { openApi } from './openapi.ts';
import { allRoutes } from './routes.ts';

interface Operation {
  readonly operationId: string;
  readonly parameters?: readonly { readonly name: string; readonly in: string; readonly required: boolean }[];
  readonly responses: Readonly<Record<string, { readonly content: Readonly<Record<string, unknown>> }>>;
}

const routes = allRoutes('1.2.3');
const document = openApi(routes, '1.2.3') as {
  readonly openapi: string;
  readonly info: { readonly version: string };
  readonly paths: Readonly<Record<string, Readonly<Record<string, Operation>>>>;
};

test('the document names every route, once', () => {
  expect([document.openapi, document.info.version]).toEqual(['3.1.1', '1.2.3']);
  const operations = Object.values(document.paths).flatMap((path) => Object.values(path));
  const names = operations.map(({ operationId }) => operationId);
  expect(names).toHaveLength(routes.length);
  expect(new Set(names).size).toBe(names.length);
});

test('parameters, media types and faults of a route are in it', () => {
  const history = document.paths['/api/v1/history']?.['get'];
  const optional = ['from', 'to', 'interval', 'aggregate', 'timezone', 'stepped', 'at', 'every', 'points', 'layout'];
  const parameters = history?.parameters ?? [];
  expect(parameters.map(({ name }) => name)).toEqual(expect.arrayContaining(['tag', ...optional]));
  expect(parameters.every((parameter) => parameter.in === 'query')).toBe(true);
  expect(parameters.filter(({ required }) => required).map(({ name }) => name)).toEqual(['tag']);
  expect(Object.keys(history?.responses['200']?.content ?? {})).toEqual([
    'application/json',
    'text/csv',
    'application/vnd.apache.arrow.stream',
  ]);
  expect(Object.keys(history?.responses ?? {})).toEqual(['200', '400', '404', '429', '502', '503']);
});

test('every place in braces is a parameter', () => {
  for (const [path, operations] of Object.entries(document.paths)) {
    const places = Array.from(path.matchAll(/\{(\w+)\}/g), ([, name]) => name);
    for (const { parameters = [] } of Object.values(operations)) {
      expect(parameters.filter((parameter) => parameter.in === 'path').map(({ name }) => name)).toEqual(places);
    }
  }
});

test('it is plain JSON without references that lead nowhere', () => {
  const text = JSON.stringify(document);
  const references = Array.from(text.matchAll(/"\$ref":"#\/([^"]+)"/g), ([, reference]) => reference ?? '');
  for (const reference of references) {
    let at: unknown = document;
    for (const step of reference.split('/')) at = (at as Record<string, unknown>)[step];
    expect(at).toBeDefined();
  }
  expect(references.length).toBeGreaterThan(0);
});
