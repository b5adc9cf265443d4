import { z } from 'zod';
import { catalogue } from '../core/fault-catalogue.ts';
import type { FaultCode } from '../core/fault.ts';
import { PROBLEM_MEDIA_TYPE, statusOf } from './problem.ts';
import type { AnswerDescription, Route } from './route.ts';
import { problemShape } from './shapes.ts';

/** An OpenAPI 3.1 document of the routes, from the same schemas that check requests and, in tests, answers. */
export function openApi(routes: readonly Route[], version: string): Record<string, unknown> {
  const paths: Record<string, Record<string, unknown>> = {};
  for (const route of routes) {
    paths[route.path] = { ...paths[route.path], [route.method.toLowerCase()]: operationOf(route) };
  }
  return {
    openapi: '3.1.1',
    info: {
      title: 'Millrace',
      version,
      summary: 'Industrial edge gateway and data historian',
      license: { name: 'Apache-2.0', identifier: 'Apache-2.0' },
    },
    paths,
    components: { schemas: { Problem: schemaOf(problemShape) } },
  };
}

function operationOf(route: Route): Record<string, unknown> {
  const parameters = [...parametersOf(route.params, 'path'), ...parametersOf(route.query, 'query')];
  return {
    operationId: route.operation,
    summary: route.summary,
    ...(parameters.length > 0 ? { parameters } : {}),
    ...(route.body === undefined ? {} : { requestBody: bodyOf(route.body) }),
    responses: { ...responsesOf(route.answers), ...problemsOf(route.faults) },
  };
}

function parametersOf(schema: z.ZodObject | undefined, place: 'path' | 'query'): unknown[] {
  if (schema === undefined) return [];
  const { properties = {}, required = [] } = z.toJSONSchema(schema, { io: 'input' });
  return Object.entries(properties).map(([name, property]) => {
    const { description, ...shape } = property as { description?: string };
    return { name, in: place, required: required.includes(name), description, schema: shape };
  });
}

function bodyOf(schema: z.ZodObject): Record<string, unknown> {
  return { required: false, content: { 'application/json': { schema: schemaOf(schema) } } };
}

function responsesOf(answers: readonly AnswerDescription[]): Record<string, unknown> {
  const responses: Record<string, { description: string; content: Record<string, unknown> }> = {};
  for (const { status, mediaType, description, schema } of answers) {
    const before = responses[status];
    responses[status] = {
      description: before === undefined ? description : `${before.description} Or: ${description}`,
      content: {
        ...before?.content,
        [mediaType]: { schema: schema === undefined ? { type: 'string' } : schemaOf(schema) },
      },
    };
  }
  return responses;
}

function problemsOf(faults: readonly FaultCode[]): Record<string, unknown> {
  const byStatus = Map.groupBy(faults, statusOf);
  const entries = [...byStatus].map(([status, codes]): [string, unknown] => [
    String(status),
    {
      description: codes.map((code) => `\`${code}\`: ${catalogue[code].what}`).join(' '),
      content: { [PROBLEM_MEDIA_TYPE]: { schema: { $ref: '#/components/schemas/Problem' } } },
    },
  ]);
  return Object.fromEntries(entries);
}

function schemaOf(schema: z.ZodType): unknown {
  const { $schema: _, ...rest } = z.toJSONSchema(schema, { io: 'input' });
  return rest;
}
