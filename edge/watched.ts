import type { Config } from './config/schema.ts';
import type { LimitAlarm, WatchedModel } from './watch/messages.ts';

type Watched = Pick<Config, 'alarms' | 'models'> & { readonly site: Pick<Config['site'], 'name'> };

/** Limit alarms as the watch takes them: with absolute paths. */
export function limitAlarms({ site, alarms }: Watched): LimitAlarm[] {
  return alarms.map(({ on, onDelay, ...rest }) => ({ ...rest, tag: `${site.name}/${on}`, onDelayMs: onDelay }));
}

/** Models as the watch takes them: with absolute paths, and a tag for the score. */
export function watchedModels({ site, models }: Watched): WatchedModel[] {
  return models.map(({ name, asset, signals, kind, window, hop, hold, priority, onReturn }) => {
    const absolute = `${site.name}/${asset}`;
    const paths = signals.map((signal) => `${absolute}/${signal}`);
    return {
      spec: { name, asset: absolute, signals: paths, kind, window, hop, holdS: hold / 1000 },
      scoreTag: `${asset}/${name}-score`,
      priority,
      onReturn,
    };
  });
}
