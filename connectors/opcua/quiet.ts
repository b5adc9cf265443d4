import { LogLevel, setDebugLogger, setErrorLogger, setLogLevel, setWarningLogger } from 'node-opcua-client';

/** The library writes to the console by default. What matters of it reaches our own log as faults and events. */
export function silenceLibrary(): void {
  setLogLevel(LogLevel.Emergency);
  setDebugLogger(nothing);
  setWarningLogger(nothing);
  setErrorLogger(nothing);
}

const nothing = (): void => undefined;
