import { fromOpcDa, StatusCode } from '../../edge/core/status-code.ts';
import type { Json } from './json.ts';
import type { QualityFormat } from './mapping-config.ts';

const words = new Map<string, number>(Object.entries(StatusCode).map(([name, code]) => [name.toLowerCase(), code]));

/**
 * Reads a quality as a StatusCode. A word: `good`, `uncertain`, `bad`, or the name of a StatusCode that Millrace knows, in any case; true is Good, false Bad.
 * A number is a StatusCode (so 0 is Good), but 1 to 255 are of OPC DA: no StatusCode is there. A source that says bad with OPC DA's 0 needs the format `opc-da`.
 * Missing or null: Good. What cannot be read is Uncertain: neither believed nor thrown away.
 */
export function readQuality(value: Json | undefined, format: QualityFormat): number {
  if (value === undefined || value === null) return StatusCode.Good;
  if (typeof value === 'boolean') return value ? StatusCode.Good : StatusCode.Bad;
  if (typeof value === 'string') return words.get(value.trim().toLowerCase()) ?? StatusCode.Uncertain;
  if (typeof value !== 'number' || !Number.isInteger(value) || value < 0 || value > 0xffff_ffff)
    return StatusCode.Uncertain;
  // The upper byte of OPC DA's 16 bits is the vendor's.
  if (format === 'opc-da') return value > 0xffff ? StatusCode.Uncertain : fromOpcDa(value & 0xff);
  // -0 is 0 too.
  return value > 0 && value < 256 ? fromOpcDa(value) : value >>> 0;
}
