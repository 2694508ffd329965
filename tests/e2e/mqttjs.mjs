// One script of connects, sessions, wills, retained alerts, commands, QoS 0/1/2 and refusals, with MQTT.js, over TCP and
// over WebSocket.
//
// Usage: node mqttjs.mjs mqtt://HOST:PORT ws://HOST:PORT. The account `device` (password `pw`) speaks for TR-1; `other`
// may do nothing. Whoever publishes `alert` or `command` to saola/v1/TR-1/ask has the test publish one. Exits with 0 when
// all of it worked in MQTT 3.1.1 and 5 at both addresses.
import assert from 'node:assert/strict';
import mqtt from 'mqtt';

const ALERT = 'saola/v1/alerts/đồi/high';
const COMMAND = 'saola/v1/TR-1/commands';
const PATIENCE_MS = 20_000;

function within(promise, what) {
  let timer;
  const late = new Promise((_, reject) => {
    timer = setTimeout(() => reject(new Error(`waited for ${what}`)), PATIENCE_MS);
  });
  return Promise.race([promise, late]).finally(() => clearTimeout(timer));
}

/** A client that remembers what it heard. */
class Device {
  constructor(url, protocolVersion, clientId, { account = 'device', password = 'pw', session = false, will } = {}) {
    const properties = protocolVersion === 5 ? { sessionExpiryInterval: session ? 3600 : 0 } : undefined;
    this.heard = [];
    this.waiting = [];
    this.client = mqtt.connect(url, {
      protocolVersion, clientId, username: account, password, clean: !session, will, properties,
      reconnectPeriod: 0, connectTimeout: PATIENCE_MS, manualConnect: true,
    });
    this.client.on('message', (topic, payload, packet) => {
      this.heard.push({ topic, payload: payload.toString(), qos: packet.qos, retain: packet.retain });
      this.waiting.splice(0).forEach((wake) => wake());
    });
    this.closed = new Promise((resolve) => this.client.once('close', resolve));
  }

  /** The CONNACK, or the error. */
  connect() {
    const answer = new Promise((resolve) => {
      this.client.once('connect', (packet) => resolve({ present: packet.sessionPresent }));
      this.client.once('error', (error) => resolve({ error }));
    });
    this.client.connect();
    return within(answer, 'CONNACK');
  }

  publish(topic, payload, qos) {
    return within(this.client.publishAsync(topic, payload, { qos }), `the answer to QoS ${qos}`);
  }

  async subscribe(topic, qos) {
    try {
      const [granted] = await within(this.client.subscribeAsync(topic, { qos }), 'SUBACK');
      return granted.qos;
    } catch (error) {
      return error.message;
    }
  }

  async next() {
    while (this.heard.length === 0) await within(new Promise((wake) => this.waiting.push(wake)), 'a message');
    return this.heard.shift();
  }

  leave() {
    return within(this.client.endAsync(), 'the end');
  }

  /** Goes without a DISCONNECT. */
  vanish() {
    this.client.stream.destroy();
    return within(this.closed, 'the close');
  }
}

async function drive(url, version, name) {
  const wrong = new Device(url, version, `${name}-wrong`, { password: 'wrong' });
  assert.ok((await wrong.connect()).error, 'a wrong password');

  const device = new Device(url, version, `${name}-a`);
  assert.deepEqual(await device.connect(), { present: false });
  for (const qos of [0, 1, 2]) {
    await Promise.all([...Array(50).keys()].map((n) => device.publish(`saola/v1/TR-1/qos${qos}`, `${name}-${n}`, qos)));
  }
  assert.equal(await device.subscribe(ALERT, 2), 1, 'QoS 2 is granted as 1');
  assert.deepEqual(await device.next(), { topic: ALERT, payload: 'cháy rừng', qos: 1, retain: true });
  const denied = await device.subscribe('saola/v1/TR-2/commands', 1);
  assert.ok(typeof denied === 'string' || denied >= 128, `another station's commands: ${denied}`);
  assert.equal(await device.subscribe(COMMAND, 1), 1);
  await device.publish('saola/v1/TR-1/ask', 'command', 1);
  assert.deepEqual(await device.next(), { topic: COMMAND, payload: 'asked', qos: 1, retain: false });
  if (version === 5) {
    await assert.rejects(device.publish('saola/v1/TR-2', 'forbidden', 1), /authorized/i);
  }
  const thief = new Device(url, version, `${name}-a`, { account: 'other' });
  assert.ok((await thief.connect()).error, "another account's client identifier");
  const newer = new Device(url, version, `${name}-a`);
  device.client.on('error', () => {});
  assert.deepEqual(await newer.connect(), { present: false });
  await within(device.closed, 'the take-over');

  let sleeper = new Device(url, version, `${name}-s`, { session: true });
  assert.deepEqual(await sleeper.connect(), { present: false });
  assert.equal(await sleeper.subscribe('saola/v1/alerts/+/+', 1), 1);
  assert.ok((await sleeper.next()).retain);
  assert.equal(await sleeper.subscribe(COMMAND, 1), 1);
  await sleeper.leave();
  for (const what of ['alert', 'command']) await newer.publish('saola/v1/TR-1/ask', what, 2);
  sleeper = new Device(url, version, `${name}-s`, { session: true });
  assert.deepEqual(await sleeper.connect(), { present: true });
  const waited = [await sleeper.next(), await sleeper.next()].map(({ topic, payload }) => `${topic} ${payload}`);
  assert.deepEqual(waited.sort(), [`${ALERT} asked`, `${COMMAND} asked`].sort());
  await sleeper.leave();
  const again = new Device(url, version, `${name}-s`);
  assert.deepEqual(await again.connect(), { present: false }, 'a clean start ends the session');
  await again.leave();

  const will = { topic: 'saola/v1/TR-1/status', payload: Buffer.from(`${name} gone`), qos: 2, retain: false };
  const mortal = new Device(url, version, `${name}-w`, { will });
  assert.deepEqual(await mortal.connect(), { present: false });
  await mortal.vanish();
  const forger = new Device(url, version, `${name}-f`, { will: { ...will, topic: ALERT } });
  assert.ok((await forger.connect()).error, 'a will that may not be published');
  await newer.leave();
}

for (const url of process.argv.slice(2)) {
  for (const version of [4, 5]) {
    await drive(url, version, `mqttjs-${new URL(url).protocol.slice(0, -1)}-${version}`);
  }
}
console.log('both versions worked at every address');
process.exit(0);
