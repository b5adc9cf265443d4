import { connect } from 'node:net';
import { once } from 'node:events';

/** Metadata, version 1, no topics asked for. https://kafka.apache.org/protocol#The_Messages_Metadata */
const metadataRequest = Buffer.concat([
  Buffer.from([0, 0, 0, 16]), // length of what follows
  Buffer.from([0, 3, 0, 1]), // api key 3, version 1
  Buffer.from([0, 0, 0, 7]), // correlation id
  Buffer.from([0, 2, 0x6f, 0x6b]), // client id "ok"
  Buffer.from([0, 0, 0, 0]), // no topics
]);

/** Whether a broker answers on the port and takes part in its cluster: until then it knows of no live broker, not even of itself. */
export async function kafkaServes(host: string, port: number): Promise<boolean> {
  const socket = connect({ host, port });
  socket.setTimeout(2_000, () => socket.destroy(new Error('no answer within 2 s')));
  try {
    await once(socket, 'connect');
    socket.write(metadataRequest);
    let answer = Buffer.alloc(0);
    for await (const chunk of socket) {
      answer = Buffer.concat([answer, chunk as Buffer]);
      // length, correlation id, number of brokers
      if (answer.length >= 12) return answer.readInt32BE(8) > 0;
    }
    return false;
  } finally {
    socket.destroy();
  }
}
