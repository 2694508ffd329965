// A device in a few lines: MQTT 3.1.1, QoS 1. Its own encoder, so that the test does not depend on anybody's client.
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

const CLEAN = 0x02;
const WITH_ACCOUNT = 0xc0;

function hello(account, keepAliveS) {
  const flags = CLEAN | (account ? WITH_ACCOUNT : 0);
  const who = account ? [text(account.name), text(account.password)] : [];
  return packet(0x10, Buffer.concat([text('MQTT'), Buffer.from([4, flags, 0, keepAliveS]), text(`e2e-${process.pid}-${Date.now()}`), ...who]));
}

/**
 * A connection that stays: `send({topic, payload})` resolves when the message is acknowledged, and while more than `window`
 * are not, it waits before it sends.
 */
export function device(address, account, window = 500) {
  const [host, port] = address.split(':');
  const socket = connect(Number(port), host, () => socket.write(hello(account, 0)));
  const acknowledged = new Map();
  const room = [];
  let heard = Buffer.alloc(0);
  let next = 0;
  let broken = null;
  const open = new Promise((resolve, reject) => {
    socket.on('error', (error) => (broken = error));
    socket.on('close', () => {
      broken ??= new Error('the connection closed');
      reject(broken);
      for (const { reject: refuse } of acknowledged.values()) refuse(broken);
      for (const go of room) go();
    });
    socket.on('data', (bytes) => {
      heard = Buffer.concat([heard, bytes]);
      while (heard.length >= 4) {
        const [head, , high, low] = heard;
        heard = heard.subarray(4);
        if (head === CONNACK && low !== 0) socket.destroy(new Error(`connection refused with code ${low}`));
        else if (head === CONNACK) resolve();
        else if (head === PUBACK) {
          const id = high * 256 + low;
          acknowledged.get(id)?.resolve();
          acknowledged.delete(id);
          room.shift()?.();
        }
      }
    });
  });
  return {
    async send({ topic, payload }) {
      await open;
      while (acknowledged.size >= window && broken === null) await new Promise((go) => room.push(go));
      if (broken !== null) throw broken;
      next = (next % 65_535) + 1;
      const id = next;
      const body = Buffer.concat([text(topic), Buffer.from([id >> 8, id & 0xff]), Buffer.from(JSON.stringify(payload))]);
      socket.write(packet(0x32, body));
      return new Promise((resolve, reject) => acknowledged.set(id, { resolve, reject }));
    },
    stop: () => void socket.destroy(),
  };
}

/** Publishes messages [{topic, payload}] one after the other; resolves when the last one is acknowledged. */
export function publish(address, messages) {
  const [host, port] = address.split(':');
  return new Promise((resolve, reject) => {
    const socket = connect(Number(port), host, () => socket.write(hello(null, 30)));
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
