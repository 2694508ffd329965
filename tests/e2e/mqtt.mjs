// A device in a few lines: MQTT 3.1.1, QoS 1, one connection per call. Its own encoder, so that the test does not
// depend on anybody's client.
import { connect } from 'node:net';

const CONNACK = 0x20;
const PUBACK = 0x40;
const PATIENCE_MS = 10_000;

function text(value) {
  const bytes = Buffer.from(value);
  return Buffer.concat([Buffer.from([bytes.length >> 8, bytes.length & 0xff]), bytes]);
}

function packet(head, body) {
  const length = [];
  let left = body.length;
  do {
    length.push((left % 128) | (left >= 128 ? 0x80 : 0));
    left = Math.floor(left / 128);
  } while (left > 0);
  return Buffer.concat([Buffer.from([head, ...length]), body]);
}

const hello = () => packet(0x10, Buffer.concat([text('MQTT'), Buffer.from([4, 2, 0, 30]), text(`e2e-${process.pid}-${Date.now()}`)]));

/** Publishes messages [{topic, payload}] one after the other; resolves when the last one is acknowledged. */
export function publish(address, messages) {
  const [host, port] = address.split(':');
  return new Promise((resolve, reject) => {
    const socket = connect(Number(port), host, () => socket.write(hello()));
    const timer = setTimeout(() => socket.destroy(new Error(`no acknowledgement from ${address}`)), PATIENCE_MS);
    let heard = Buffer.alloc(0);
    let next = 0;
    const sendNext = () => {
      if (next === messages.length) {
        clearTimeout(timer);
        socket.end(Buffer.from([0xe0, 0]));
        resolve();
        return;
      }
      const { topic, payload } = messages[next];
      next += 1;
      const body = Buffer.concat([text(topic), Buffer.from([next >> 8, next & 0xff]), Buffer.from(JSON.stringify(payload))]);
      socket.write(packet(0x32, body));
    };
    socket.on('data', (bytes) => {
      heard = Buffer.concat([heard, bytes]);
      // CONNACK and PUBACK are all that comes: four bytes each.
      while (heard.length >= 4) {
        const [head, , , code] = heard;
        heard = heard.subarray(4);
        if (head === CONNACK && code !== 0) socket.destroy(new Error(`connection refused with code ${code}`));
        else if (head === CONNACK || head === PUBACK) sendNext();
      }
    });
    socket.on('error', reject);
    socket.on('close', () => {
      clearTimeout(timer);
      if (next < messages.length) reject(new Error('the connection closed before everything was acknowledged'));
    });
  });
}
