import type {
  CallExpression,
  Expression,
  Function as FunctionNode,
  ArrowFunctionExpression,
  Argument,
} from 'oxc-parser';
import { finding, lineAt, visit, type Code, type Finding } from './source.ts';

export const maxFunctionLines = 70;

/** What vitest calls its blocks. */
const testBlocks = new Set(['describe', 'suite', 'test', 'it', 'bench']);

/** Functions that do not fit on a screen. What is handed to `describe` and `test` is a page of a specification, not a function. */
export function longFunctions(code: Code): Finding[] {
  const findings: Finding[] = [];
  const pages = new Set<unknown>();
  const measure = (node: FunctionNode | ArrowFunctionExpression): void => {
    const lines = lineAt(code, node.end) - lineAt(code, node.start) + 1;
    if (lines > maxFunctionLines && !pages.has(node))
      findings.push(finding(code, node.start, `a function of ${lines} lines`));
  };
  visit(code, {
    CallExpression: (call) => {
      if (isTestBlock(call)) for (const argument of call.arguments) pages.add(argument);
    },
    FunctionDeclaration: measure,
    FunctionExpression: measure,
    ArrowFunctionExpression: measure,
  });
  return findings;
}

/** Ways around the type checker: `any`, `!`, and comments that switch it or the linter off without a word why. */
export function escapeHatches(code: Code): Finding[] {
  const findings: Finding[] = [];
  visit(code, {
    TSAnyKeyword: ({ start }) => findings.push(finding(code, start, 'any')),
    TSNonNullExpression: ({ start }) => findings.push(finding(code, start, 'a non-null assertion')),
    PropertyDefinition: ({ start, definite }) =>
      definite === true && findings.push(finding(code, start, 'a definite assignment')),
    VariableDeclarator: ({ start, definite }) =>
      definite === true && findings.push(finding(code, start, 'a definite assignment')),
  });
  for (const { value, start } of code.comments) {
    if (/^[\s*]*@ts-(?:ignore|expect-error|nocheck)/m.test(value))
      findings.push(finding(code, start, 'the type checker is switched off'));
    if (/^[\s*]*(?:ox|es)lint-disable(?!.* -- \S)/.test(value))
      findings.push(finding(code, start, 'a lint rule is off without " -- why"'));
  }
  return findings;
}

/** `.only`, and `.skip` or `.todo` without a comment `reason: …` on their line or the line above. */
export function unreasonedSkips(code: Code): Finding[] {
  const findings = new Set<Finding>();
  const reasons = new Set(
    code.comments
      .filter(({ value }) => /^\s*reason: \S.{9,}/.test(value))
      .flatMap(({ end }) => [lineAt(code, end), lineAt(code, end) + 1]),
  );
  const check = (mode: string, position: number): void => {
    if (mode === 'only') findings.add(finding(code, position, '.only switches every other test off'));
    else if (!reasons.has(lineAt(code, position))) findings.add(finding(code, position, `.${mode} without a reason`));
  };
  visit(code, {
    CallExpression: (call) => {
      if (!isTestBlock(call)) return;
      for (const mode of modesOf(call)) check(mode, call.start);
    },
  });
  return [...findings];
}

const isMode = (name: string): boolean => ['skip', 'only', 'todo'].includes(name);

/** Which of skip, only and todo a call of a test block uses: `test.skip(…)`, `test(…, { skip: true })`, `test.skipIf(true)(…)`. */
function modesOf(call: CallExpression): string[] {
  const modes = call.arguments.flatMap(optionKeys).filter(isMode);
  let at: Expression = call.callee;
  let constant = false;
  while (at.type === 'MemberExpression' || at.type === 'CallExpression') {
    if (at.type === 'CallExpression') {
      constant = at.arguments[0]?.type === 'Literal';
      at = at.callee;
      continue;
    }
    const name = at.property.type === 'Identifier' ? at.property.name : '';
    if (isMode(name)) modes.push(name);
    if (constant && (name === 'skipIf' || name === 'runIf')) modes.push('skip');
    at = at.object;
  }
  return modes;
}

function optionKeys(argument: Argument): string[] {
  if (argument.type !== 'ObjectExpression') return [];
  return argument.properties.flatMap((property) =>
    property.type === 'Property' && property.key.type === 'Identifier' ? [property.key.name] : [],
  );
}

/** Whether a call is one of `test(…)`, `describe.each(…)(…)`, `it.skipIf(…)(…)` and so on. */
function isTestBlock(call: CallExpression): boolean {
  let at: Expression = call.callee;
  while (at.type === 'MemberExpression' || at.type === 'CallExpression')
    at = at.type === 'CallExpression' ? at.callee : at.object;
  return at.type === 'Identifier' && testBlocks.has(at.name);
}

/** Only what talks to a person at a terminal prints; everything else has the logger. */
const printers = /^(?:edge\/cli\/|edge\/millrace\.js$|test\/services\/setup\.ts$)/;

/** `console.…` outside the command line. */
export function rawConsole(code: Code): Finding[] {
  const findings: Finding[] = [];
  if (printers.test(code.path)) return findings;
  visit(code, {
    MemberExpression: ({ object, start }) => {
      if (object.type === 'Identifier' && object.name === 'console') findings.push(finding(code, start, 'console'));
    },
  });
  return findings;
}

/** Comments that put work off. */
export function unfinished(code: Code): Finding[] {
  return code.comments
    .filter(({ value }) => /\b(?:TODO|FIXME|XXX)\b/.test(value))
    .map(({ start }) => finding(code, start, 'unfinished work'));
}
