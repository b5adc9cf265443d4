import type { Path } from './problem.ts';
import type { JsonSchema } from './schema.ts';

/** Keys that the schema has at a place of a document; empty where it is no mapping. For a choice of shapes: those of all of them. */
export function knownKeys(schema: JsonSchema, path: Path): string[] {
  let candidates = shapes(schema);
  for (const step of path) {
    candidates = candidates.flatMap((candidate) => {
      const below = typeof step === 'number' ? candidate.items : memberOf(candidate, step);
      return below === undefined ? [] : shapes(below);
    });
  }
  return [...new Set(candidates.flatMap((candidate) => Object.keys(candidate.properties ?? {})))];
}

function memberOf(schema: JsonSchema, key: string): JsonSchema | undefined {
  const named = schema.properties;
  if (named !== undefined && Object.hasOwn(named, key)) return named[key];
  return typeof schema.additionalProperties === 'object' ? schema.additionalProperties : undefined;
}

/** A schema, or the shapes that it is a choice of. */
function shapes(schema: JsonSchema): JsonSchema[] {
  const choice = schema.anyOf ?? schema.oneOf;
  return choice === undefined ? [schema] : choice.flatMap(shapes);
}
