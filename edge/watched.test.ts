import { expect, test } from 'vitest';
import { checkConfig } from './config/check.ts';
import { limitAlarms, watchedModels } from './watched.ts';

test('alarms and models get absolute paths, times in ms, and a tag for the score', () => {
  const { config } = checkConfig(
    `version: 1
site: northmill
alarms: [{ name: hot, on: press/temperature, high: 70, onDelay: 3s }]
models: [{ name: health, asset: press/one, kind: autoencoder, signals: [force, oil/pressure] }]
`,
    'millrace.yaml',
    '/srv',
  );
  if (config === undefined) throw new Error('no configuration');
  expect(limitAlarms(config)).toEqual([
    {
      name: 'hot',
      tag: 'northmill/press/temperature',
      high: 70,
      deadband: 0,
      onDelayMs: 3000,
      priority: 'medium',
      onReturn: 'latched',
    },
  ]);
  const asset = 'northmill/press/one';
  const signals = [`${asset}/force`, `${asset}/oil/pressure`];
  expect(watchedModels(config)).toEqual([
    {
      spec: { name: 'health', asset, signals, kind: 'autoencoder', window: 32, hop: 4, holdS: 10 },
      scoreTag: 'press/one/health-score',
      priority: 'high',
      onReturn: 'normal',
    },
  ]);
});
