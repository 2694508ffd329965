// Reads the little TOML that station files use: [[station]], [[station.channel]], plain keys, names {vi, en}.

const SECONDS = { s: 1, m: 60, h: 3600, d: 86_400 };

function scalar(text) {
  const name = text.match(/^\{\s*vi\s*=\s*"([^"]*)",\s*en\s*=\s*"([^"]*)"\s*\}$/);
  if (name) return { vi: name[1], en: name[2] };
  if (text.startsWith('"')) return text.slice(1, text.indexOf('"', 1));
  if (text === 'true' || text === 'false') return text === 'true';
  return Number(text);
}

/** Stations with their channels; intervals in seconds. */
export function readStationFiles(texts) {
  const stations = [];
  for (const text of texts) {
    let into = null;
    for (const raw of text.split('\n')) {
      const line = raw.trim();
      if (line === '[[station]]') {
        into = { channels: [] };
        stations.push(into);
      } else if (line === '[[station.channel]]') {
        into = {};
        stations.at(-1).channels.push(into);
      } else if (into && line !== '' && !line.startsWith('#')) {
        const at = line.indexOf('=');
        into[line.slice(0, at).trim()] = scalar(line.slice(at + 1).trim());
      }
    }
  }
  for (const station of stations) {
    for (const channel of station.channels) {
      const [, number, unit] = String(channel.interval).match(/^(\d+)([smhd])$/);
      channel.interval_s = Number(number) * SECONDS[unit];
    }
  }
  return stations;
}
