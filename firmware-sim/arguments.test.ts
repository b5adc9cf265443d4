import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { readArguments } from './arguments.ts';

describe('the command line of the plant', () => {
  test('has defaults for everything', () => {
    expect(readArguments([])).toEqual({
      seed: 1,
      pastUs: 3600e6,
      speed: 60,
      mqtt: '127.0.0.1:1883',
      opcuaPort: 0,
      modbusPort: 0,
      controlPort: 0,
    });
  });

  test('takes what it is told', () => {
    const given =
      '--seed 7 --past 90s --speed 2 --mqtt broker.local:1999 --opcua-port 4840 --modbus-port 502 --control-port 80';
    expect(readArguments(given.split(' '))).toEqual({
      seed: 7,
      pastUs: 90e6,
      speed: 2,
      mqtt: 'broker.local:1999',
      opcuaPort: 4840,
      modbusPort: 502,
      controlPort: 80,
    });
  });

  test.each([
    ['--seed', 'x'],
    ['--seed', '1.5'],
    ['--past', '60'],
    ['--past', '721h'],
    ['--speed', '1'],
    ['--mqtt', 'localhost'],
    ['--mqtt', 'localhost:0'],
    ['--opcua-port', '65536'],
    ['--colour', 'red'],
  ])('refuses %s %s and names it', (name, value) => {
    expect(() => readArguments([name, value])).toThrow(name);
  });

  test('any text is taken as it stands or refused, never half understood', () => {
    const texts = fc.oneof(fc.string(), fc.nat().map(String), fc.double().map(String));
    fc.assert(
      fc.property(texts, (text) => {
        const isWhole = /^\d+$/.test(text) && Number.isSafeInteger(Number(text));
        expect(seedFrom(text)).toBe(isWhole ? Number(text) : undefined);
      }),
    );
  });
});

/** What `--seed` becomes; undefined when it is refused. */
function seedFrom(text: string): number | undefined {
  try {
    return readArguments([`--seed=${text}`]).seed;
  } catch {
    return undefined;
  }
}
