/**
 * States of an alarm (ISA-18.2-2016, figure 3). `NORM`: nothing to say. `UNACK`: it stands, nobody has seen it. `ACKED`: it stands and was seen. `RTNUN`: it went away before
 * anybody had seen it. `SHLVD`: an operator put it aside for a while. `DSUPR`, `OOSRV`: suppressed by design, out of service.
 */
export type AlarmState = 'NORM' | 'UNACK' | 'ACKED' | 'RTNUN' | 'SHLVD' | 'DSUPR' | 'OOSRV';

/** What happens to an alarm. */
export type AlarmTransition = 'raised' | 'returned' | 'acknowledged' | 'shelved' | 'unshelved';

/** What becomes of an alarm that returns before anybody has acknowledged it: it stays as RTNUN, or it is gone. */
export type OnReturn = 'latched' | 'normal';

/**
 * The state after a transition, or undefined where it means nothing: to acknowledge what is not unacknowledged, to raise what stands. `stands` is what the process says at that
 * time; it is what `unshelved` goes back to.
 */
export function nextState(
  state: AlarmState,
  transition: AlarmTransition,
  onReturn: OnReturn,
  stands: boolean,
): AlarmState | undefined {
  switch (transition) {
    case 'raised':
      return state === 'NORM' || state === 'RTNUN' ? 'UNACK' : undefined;
    case 'returned':
      if (state === 'UNACK') return onReturn === 'latched' ? 'RTNUN' : 'NORM';
      return state === 'ACKED' ? 'NORM' : undefined;
    case 'acknowledged':
      if (state === 'UNACK') return 'ACKED';
      return state === 'RTNUN' ? 'NORM' : undefined;
    case 'shelved':
      return state === 'SHLVD' ? undefined : 'SHLVD';
    case 'unshelved':
      if (state !== 'SHLVD') return undefined;
      return stands ? 'UNACK' : 'NORM';
  }
}
