import { connect } from 'node:net';
import { errnoOf } from '../core/fault.ts';

/**
 * Whether a process listens on a unix socket. Certain in both directions, as long as sockets get the name that is asked only once they listen: the kernel refuses
 * (ECONNREFUSED) if and only if the listener is gone. A process that is stopped or busy counts as alive.
 */
export function listens(address: string): Promise<boolean> {
  return new Promise((resolve, reject) => {
    const socket = connect({ path: address });
    socket.once('connect', () => {
      socket.destroy();
      resolve(true);
    });
    socket.once('error', (error) => {
      const code = errnoOf(error);
      if (code === 'ECONNREFUSED' || code === 'ENOENT') resolve(false);
      // The queue of a listener that does not accept just now is full.
      else if (code === 'EAGAIN') resolve(true);
      else reject(error);
    });
  });
}
