// The server under test: a running one named by the environment, or the page's stand-in with SAOLA_E2E_MOCK=1.
//
//   SAOLA_E2E_HTTP   http://127.0.0.1:8080
//   SAOLA_E2E_MQTT   127.0.0.1:1883
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { connect, createServer } from 'node:net';
import { fileURLToPath } from 'node:url';
import { publish } from './mqtt.mjs';

/**
 * {http, tell(station, readings), hand(station, bundles), stop()}; `tell` plays a device: readings are
 * [{time, property, value}]. `hand` plays one that gives in what it kept: bundles of [{time, PROPERTY: value}].
 */
export async function underTest() {
  if (process.env.SAOLA_E2E_MOCK) return mock();
  const http = process.env.SAOLA_E2E_HTTP;
  const mqtt = process.env.SAOLA_E2E_MQTT;
  if (!http || !mqtt) throw new Error('set SAOLA_E2E_HTTP and SAOLA_E2E_MQTT, or SAOLA_E2E_MOCK=1');
  return { http, ...publisher(mqtt), stop: async () => {} };
}

/** {tell, hand}, as in `underTest`. */
const publisher = (mqtt) => ({
  tell: (station, readings) =>
    publish(mqtt, readings.map(({ time, property, value }) => ({ topic: `saola/v1/${station}`, payload: { time, [property]: value } }))),
  hand: (station, bundles) => publish(mqtt, bundles.map((payload) => ({ topic: `saola/v1/${station}`, payload }))),
});

/** The same of a demo without a scenario that is this story's own: nobody else does anything in it. */
export async function ownDemo() {
  const binary = process.env.SAOLA_BIN;
  if (!binary) throw new Error('set SAOLA_BIN to the saola that is tested');
  const child = spawn(binary, ['demo', '--scenario', 'none', '--http', '127.0.0.1:0', '--mqtt', '127.0.0.1:0'], { stdio: ['ignore', 'pipe', 'ignore'] });
  let said = '';
  const found = (label) => said.match(new RegExp(`^${label} +(\\S+)$`, 'm'))?.[1];
  for await (const data of child.stdout.iterator({ destroyOnReturn: false })) {
    said += data;
    if (found('MQTT')) break;
  }
  const [http, mqtt] = [found('pages and API'), found('MQTT')];
  if (!http || !mqtt) throw new Error(`the demo did not say where it listens: ${said}`);
  const stop = async () => {
    child.kill();
    if (child.exitCode === null) await once(child, 'exit');
  };
  return { http, ...publisher(mqtt), stop };
}

async function mock() {
  const script = fileURLToPath(new URL('../../dashboards/web/dev/mock-server.mjs', import.meta.url));
  const child = spawn(process.execPath, [script, '--port', '0'], { stdio: ['ignore', 'pipe', 'inherit'] });
  const [line] = await once(child.stdout, 'data');
  const http = String(line).match(/http:\S+/)[0];
  const tell = async (station, readings) => {
    for (const { property, value } of readings) {
      await fetch(`${http}/mock/publish`, { method: 'POST', body: JSON.stringify({ station, property, value }) });
    }
  };
  return { http, tell, stop: async () => void child.kill() };
}

/** A line to the server that can be cut, stalled (nothing passes, nothing closes) and mended. */
export async function cuttableLine(http) {
  const { hostname, port } = new URL(http);
  const ends = new Set();
  let whole = true;
  let stalled = false;
  const server = createServer((near) => {
    if (stalled) {
      ends.add(near);
      near.on('error', () => {});
      near.on('close', () => ends.delete(near));
      return;
    }
    if (!whole) {
      near.destroy();
      return;
    }
    const far = connect(Number(port), hostname);
    for (const [from, to] of [[near, far], [far, near]]) {
      ends.add(from);
      from.pipe(to);
      from.on('error', () => to.destroy());
      from.on('close', () => {
        ends.delete(from);
        to.destroy();
      });
    }
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    http: `http://127.0.0.1:${server.address().port}`,
    cut() {
      whole = false;
      for (const end of ends) end.destroy();
    },
    stall() {
      stalled = true;
      for (const end of ends) {
        end.unpipe();
        end.pause();
      }
    },
    mend() {
      whole = true;
      stalled = false;
    },
    async stop() {
      this.cut();
      server.close();
    },
  };
}
