import { connect } from 'node:net';
import { errnoOf } from '../core/fault.ts';

/**
 * Whether a process listens on a unix socket. Certain in both directions, as long as sockets get the name that is asked only once they listen: the kernel refuses
 * (ECONNREFUSED) if and only if the listener is gone. A process that is stopped or busy counts as alive.
 */
export async function listens(address: string): Promise<boolean> {
  for (;;) {
    const outcome = await outcomeOfConnect(address);
    if (outcome === 'connected') return true;
    const code = errnoOf(outcome);
    if (code === 'ECONNREFUSED' || code === 'ENOENT') return false;
    // The queue of a listener that does not accept just now is full.
    if (code === 'EAGAIN') return true;
    // It stopped listening while the connection waited in its queue: asked again, it is gone.
    if (code !== 'ECONNRESET' && code !== 'EPIPE') throw outcome;
  }
}

function outcomeOfConnect(address: string): Promise<'connected' | Error> {
  return new Promise((resolve) => {
    const socket = connect({ path: address });
    socket.once('connect', () => {
      socket.destroy();
      resolve('connected');
    });
    socket.once('error', resolve);
  });
}
