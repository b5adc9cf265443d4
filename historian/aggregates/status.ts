import { StatusCode } from '../../edge/core/status-code.ts';

/** StatusCodes of results (OPC UA Part 6, annex A.2), besides those that Millrace gives to samples. */
export const ResultCode = {
  Good: StatusCode.Good,
  GoodNoData: 0x00a50000,
  Uncertain: StatusCode.Uncertain,
  UncertainDataSubNormal: 0x40a40000,
  Bad: StatusCode.Bad,
  BadNoData: StatusCode.BadNoData,
} as const;

/** Info bits of a result (OPC UA Part 4, 7.39.1, HistorianBits; Part 13, 5.3.3): where the value comes from, and what is special about it. */
export const InfoBits = {
  raw: 0x00,
  calculated: 0x01,
  interpolated: 0x02,
  partial: 0x04,
  extraData: 0x08,
  multipleValues: 0x10,
} as const;

const HISTORIAN_BITS = 0x1f;
/** InfoType DataValue: only with it do info bits hold. */
const DATA_VALUE = 0x0400;

/** A StatusCode that says where the value comes from. What else the code of a raw value says (limits, overflow) stays. */
export function located(code: number, bits: number): number {
  return ((code & ~HISTORIAN_BITS) | DATA_VALUE | bits) >>> 0;
}

/** How a sample counts, by its severity; in this order each is worse than the one before. */
export const Class = { good: 0, uncertain: 1, bad: 2 } as const;

/** Class of a StatusCode. */
export function classOf(code: number): number {
  const severity = code >>> 30;
  return severity > Class.bad ? Class.bad : severity;
}
