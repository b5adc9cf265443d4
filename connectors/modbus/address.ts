import type { Addressing, Table } from './config.ts';

/** Addresses of a table, 0 to 65535, as they cross the line. */
export const MAX_ADDRESS = 0xffff;

/** Leading digit of the numbers that manuals give to each table (Modicon): 40011 is the eleventh holding register. */
const digits: Readonly<Record<Table, number>> = { coil: 0, discrete: 1, input: 3, holding: 4 };

/** A number as an address that crosses the line, or what is wrong with it. */
export function toAddress(number: number, table: Table, addressing: Addressing): number | string {
  if (!Number.isInteger(number)) return 'is no whole number';
  if (addressing === 'zero-based') {
    return number >= 0 && number <= MAX_ADDRESS ? number : `is not in 0..${MAX_ADDRESS}`;
  }
  const owner = ownerOf(number);
  if (owner !== undefined && owner !== table) return `is a number of table ${owner}`;
  const address = (owner === undefined ? number : number % baseOf(number)) - 1;
  return address >= 0 && address <= MAX_ADDRESS ? address : `is not in 1..${MAX_ADDRESS + 1}`;
}

/** The table that a number of five or six digits says by itself; undefined if it says none. */
export function ownerOf(number: number): Table | undefined {
  const base = baseOf(number);
  const index = number % base;
  if (base === 0 || index < 1 || index > (base === 10_000 ? 9_999 : MAX_ADDRESS + 1)) return undefined;
  const digit = Math.floor(number / base);
  return (Object.keys(digits) as Table[]).find((table) => table !== 'coil' && digits[table] === digit);
}

function baseOf(number: number): number {
  if (number > 100_000 && number < 500_000) return 100_000;
  return number > 10_000 && number < 50_000 ? 10_000 : 0;
}

/** An address as a person would write it. */
export function fromAddress(address: number, table: Table, addressing: Addressing): string {
  if (addressing === 'zero-based') return String(address);
  const width = address < 9_999 ? 4 : 5;
  return `${digits[table]}${String(address + 1).padStart(width, '0')}`;
}
