/** OPC UA StatusCodes that Millrace itself assigns (OPC UA Part 4, 7.39; the table in FORMAT.md says when). Unsigned 32 bits. */
export const StatusCode = {
  Good: 0x00000000,
  Uncertain: 0x40000000,
  UncertainLastUsableValue: 0x40900000,
  UncertainEngineeringUnitsExceeded: 0x40940000,
  Bad: 0x80000000,
  BadCommunicationError: 0x80050000,
  BadTimeout: 0x800a0000,
  BadNoCommunication: 0x80310000,
  BadOutOfRange: 0x803c0000,
  BadConfigurationError: 0x80890000,
  BadDeviceFailure: 0x808b0000,
  BadNoData: 0x809b0000,
} as const;

const names = new Map<number, string>(Object.entries(StatusCode).map(([name, code]) => [code, name]));

/** Name of a StatusCode, for people: the exact name where Millrace knows it, else its severity and the number in hex. */
export function statusName(code: number): string {
  const known = names.get(code);
  if (known !== undefined) return known;
  const severity = isGood(code) ? 'Good' : isBad(code) ? 'Bad' : 'Uncertain';
  return `${severity} (0x${code.toString(16).padStart(8, '0').toUpperCase()})`;
}

/** Severity bits 00. */
export function isGood(code: number): boolean {
  return code >>> 30 === 0;
}

/** Severity bits 10 or 11. */
export function isBad(code: number): boolean {
  return code >>> 31 === 1;
}

/** Quality byte of OPC DA (bits 7-6: 11 Good, 01 Uncertain, 00 Bad) as a StatusCode. */
export function fromOpcDa(quality: number): number {
  const bits = (quality >> 6) & 3;
  return bits === 3 ? StatusCode.Good : bits === 1 ? StatusCode.Uncertain : StatusCode.Bad;
}

/** Exception code of a Modbus answer (Modbus Application Protocol 1.1b3, section 7) as a StatusCode. */
export function fromModbusException(exception: number): number {
  if (exception >= 1 && exception <= 3) return StatusCode.BadConfigurationError;
  if (exception === 0x0a || exception === 0x0b) return StatusCode.BadNoCommunication;
  return StatusCode.BadDeviceFailure;
}
