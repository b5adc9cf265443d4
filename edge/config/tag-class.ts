import { z } from 'zod';
import { TAG_CLASSES } from '../core/topics.ts';

const CLASS = `one of ${TAG_CLASSES.join(', ')}`;

/** The key `class` of whatever names tags. `otherwise`: what holds where it is left out. */
export function tagClass(otherwise: string) {
  return z
    .enum(TAG_CLASSES, CLASS)
    .optional()
    .describe(
      `Class of the tag: its samples lie in topic \`samples.critical\`, \`samples\` (standard) or \`samples.bulk\`; when the log needs room, \`bulk\` goes first and \`critical\` last. Left out: ${otherwise}. A tag keeps the class with which it was first seen.`,
    );
}
