import { type Logger, pino } from 'pino';

export const LOG_LEVELS = ['fatal', 'error', 'warn', 'info', 'debug', 'trace'] as const;
export type LogLevel = (typeof LOG_LEVELS)[number];
export const LOG_FORMATS = ['text', 'json'] as const;
export type LogFormat = (typeof LOG_FORMATS)[number];

/** The gateway's log on standard output: a line of text for people, or of JSON (pino) for programs. */
export function createLogger(level: LogLevel, format: LogFormat = process.stdout.isTTY ? 'text' : 'json'): Logger {
  const destination = pino.destination({ dest: 1, sync: true });
  // Whoever read the log has gone: the gateway works on.
  destination.on('error', () => undefined);
  if (format === 'json') return pino({ level }, destination);
  return pino({ level }, { write: (line: string) => destination.write(textLine(line)) });
}

const levelNames: Readonly<Record<number, string>> = {
  10: 'trace',
  20: 'debug',
  30: 'info ',
  40: 'WARN ',
  50: 'ERROR',
  60: 'FATAL',
};

/** A line of pino's JSON as text: time, level, message, what else there is. */
export function textLine(line: string): string {
  const entry = JSON.parse(line) as Record<string, unknown>;
  const { level, time, pid: _pid, hostname: _hostname, msg, err, ...rest } = entry;
  const clock = new Date(Number(time)).toISOString().slice(11, 23);
  const more = Object.entries(rest).map(([key, value]) => ` ${key}=${plain(value)}`);
  const stack = typeof err === 'object' && err !== null && 'stack' in err ? `\n${plain(err.stack)}` : '';
  return `${clock} ${levelNames[Number(level)] ?? plain(level)} ${plain(msg ?? '')}${more.join('')}${stack}\n`;
}

function plain(value: unknown): string {
  return typeof value === 'string' ? value : JSON.stringify(value);
}
