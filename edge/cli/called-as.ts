import type { Command } from 'commander';

/**
 * What is wrong with a parameter, as whoever called a command knows it: routes and commands share what checks the parameters (`percentDataGood: expected…`, `method=interpolated`), and here they stand as the
 * command's options (`--percent-data-good: expected…`, `--method interpolated`).
 */
export function namingOptions(detail: string, command: Pick<Command, 'options'>): string {
  const options = new Map(command.options.flatMap((option) => [[option.attributeName(), option.long ?? '']] as const));
  const optionOf = (name: string): string => options.get(name) ?? name;
  const about = detail.replace(/^(\w+(?:, \w+)*)(?=: )/, (names: string) => names.split(', ').map(optionOf).join(', '));
  // Words such as `interval` stay words where they stand in a sentence.
  return about.replaceAll(
    /(?<![-\w"])(\w+)(=?)(?=(.?))/g,
    (text: string, name: string, equals: string, next: string) => {
      if (!options.has(name)) return text;
      if (equals !== '') return /\w/.test(next) ? `${optionOf(name)} ` : optionOf(name);
      return next === ':' || /[A-Z]/.test(name) ? optionOf(name) : text;
    },
  );
}

/** How a command is called, such as `millrace historian status`. */
export function calledAs(command: Command): string {
  const names = [command.name()];
  for (let at = command.parent; at !== null; at = at.parent) names.unshift(at.name());
  return names.join(' ');
}
