//! The same tiles by PostGIS, in a server of its own: a table with an index of places, clusters and points as Saola has
//! them, and `pgbench` that changes 200 rows a second meanwhile.

use std::io::Write as _;
use std::os::unix::fs::chown;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Instant;

use saola::layers::TileId;
use tempfile::TempDir;

use crate::wait::{DEADLINE, free_port};
use crate::{Row, UPDATES_PER_S};

/// The zoom from which every station is a point.
const DETAIL_ZOOM: u8 = 11;

/// A PostgreSQL server in a folder of its own; it ends with its owner.
struct Server {
    folder: TempDir,
    bin: PathBuf,
    port: u16,
    process: Option<Child>,
}

impl Drop for Server {
    fn drop(&mut self) {
        if let Some(mut process) = self.process.take() {
            // SIGINT: the server's fast stop.
            let _ = Command::new("kill").args(["-INT", &process.id().to_string()]).status();
            let _ = process.wait();
        }
    }
}

fn is_root() -> bool {
    let id = Command::new("id").arg("-u").output().unwrap();
    id.stdout == b"0\n"
}

/// The newest version that is installed.
fn bin() -> PathBuf {
    let versions = std::fs::read_dir("/usr/lib/postgresql").expect("tests/tools.sh bench installs PostgreSQL");
    let mut found: Vec<PathBuf> = versions.map(|entry| entry.unwrap().path().join("bin")).collect();
    found.sort();
    found.pop().unwrap()
}

impl Server {
    fn start() -> Server {
        let mut server = Server { folder: TempDir::new().unwrap(), bin: bin(), port: free_port(), process: None };
        if is_root() {
            let id = |what: &str| {
                let output = Command::new("id").args([what, "postgres"]).output().unwrap();
                String::from_utf8_lossy(&output.stdout).trim().parse::<u32>().unwrap()
            };
            chown(server.folder.path(), Some(id("-u")), Some(id("-g"))).unwrap();
        }
        let data = server.folder.path().join("data");
        let made = server.command("initdb", &["-D", &shown(&data), "-A", "trust", "-U", "postgres"]).output().unwrap();
        assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
        let (port, folder) = (server.port.to_string(), shown(server.folder.path()));
        let mut postgres = server.command("postgres", &["-D", &shown(&data), "-p", &port, "-k", &folder]);
        postgres.args(["-c", "listen_addresses=", "-c", "shared_buffers=512MB"]);
        server.process = Some(postgres.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap());
        let begun = Instant::now();
        while !server.client("pg_isready", &[]).output().unwrap().status.success() {
            assert!(begun.elapsed() < DEADLINE, "PostgreSQL does not start");
            std::thread::sleep(std::time::Duration::from_millis(50));
        }
        server
    }

    /// PostgreSQL refuses to run as root.
    fn command(&self, program: &str, arguments: &[&str]) -> Command {
        let program = self.bin.join(program);
        let mut command = match is_root() {
            true => {
                let mut command = Command::new("setpriv");
                command.args(["--reuid=postgres", "--regid=postgres", "--init-groups"]).arg(program);
                command
            }
            false => Command::new(program),
        };
        command.args(arguments).current_dir(self.folder.path());
        command
    }

    fn client(&self, program: &str, arguments: &[&str]) -> Command {
        let mut command = Command::new(self.bin.join(program));
        command.args(["-h", &shown(self.folder.path()), "-p", &self.port.to_string(), "-U", "postgres"]);
        command.args(arguments);
        command
    }

    /// Gives a script to psql; what it prints.
    fn run(&self, script: &str) -> String {
        let mut psql = self.client("psql", &["-X", "-q", "-v", "ON_ERROR_STOP=1"]);
        let mut child = psql.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
        let mut input = child.stdin.take().unwrap();
        let script = script.to_owned();
        let writing = std::thread::spawn(move || input.write_all(script.as_bytes()).unwrap());
        let output = child.wait_with_output().unwrap();
        writing.join().unwrap();
        assert!(output.status.success(), "psql failed");
        String::from_utf8_lossy(&output.stdout).into_owned()
    }
}

fn shown(path: &Path) -> String {
    path.display().to_string()
}

/// Seconds of each tile, by zoom.
pub fn times(stations: &[Row], tiles: &[Vec<TileId>]) -> Vec<Vec<f64>> {
    let server = Server::start();
    server.run(&table(stations));
    let changing = server.folder.path().join("change.sql");
    let count = stations.len() - 1;
    let change = format!(
        "\\set no random(0, {count})\nUPDATE stations SET heard_at = extract(epoch FROM now()), value = :no % 100 \
         WHERE no = :no;\n"
    );
    std::fs::write(&changing, change).unwrap();
    let rate = UPDATES_PER_S.to_string();
    let mut pgbench = server.client("pgbench", &["-n", "-R", &rate, "-T", "3600", "-f", &shown(&changing), "postgres"]);
    let mut changes = pgbench.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    let times = tiles.iter().map(|tiles| of_zoom(&server, tiles)).collect();
    let _ = changes.kill();
    let _ = changes.wait();
    times
}

fn table(stations: &[Row]) -> String {
    let mut script = String::from(
        "CREATE EXTENSION postgis;\n\
         CREATE TABLE stations (no int PRIMARY KEY, id text, kind text, name_vi text, name_en text, severity text, \
         freshness text, heard_at bigint, value float8, geom geometry(Point, 3857)) WITH (fillfactor = 80);\n\
         CREATE TEMP TABLE rows (no int, kind text, lon float8, lat float8);\nCOPY rows FROM STDIN;\n",
    );
    for (no, row) in stations.iter().enumerate() {
        script += &format!("{no}\t{}\t{}\t{}\n", row.kind.word(), row.position.lon, row.position.lat);
    }
    script += "\\.\n\
        INSERT INTO stations SELECT no, 'ST-' || lpad(no::text, 6, '0'), kind, 'Trạm quan trắc ' || no, \
        'Station ' || no, NULL, 'live', extract(epoch FROM now()), no % 100, \
        ST_Transform(ST_SetSRID(ST_MakePoint(lon, lat), 4326), 3857) FROM rows;\n\
        CREATE INDEX ON stations USING gist (geom);\nVACUUM ANALYZE stations;\n";
    script
}

fn of_zoom(server: &Server, tiles: &[TileId]) -> Vec<f64> {
    let out = server.folder.path().join("tiles.out");
    let mut script = format!("\\o {}\n\\timing on\n", shown(&out));
    // The first statement of a connection reads the catalogue: not counted.
    for tile in tiles.first().into_iter().chain(tiles) {
        script += &statement(*tile);
    }
    let printed = server.run(&script);
    let times = printed.lines().filter_map(|line| line.strip_prefix("Time: ")?.split(' ').next()?.parse::<f64>().ok());
    let times: Vec<f64> = times.skip(1).map(|milliseconds| milliseconds / 1e3).collect();
    assert_eq!(times.len(), tiles.len(), "psql tells one time for each tile");
    times
}

fn statement(tile: TileId) -> String {
    let envelope = format!("ST_TileEnvelope({}, {}, {})", tile.z(), tile.x(), tile.y());
    if tile.z() >= DETAIL_ZOOM {
        let value = if tile.z() >= DETAIL_ZOOM + 2 { ", value AS pm2_5" } else { "" };
        return format!(
            "SELECT ST_AsMVT(t, 'stations', 4096, 'geom', 'no') FROM (SELECT no, id, kind, name_vi, name_en, severity, \
             freshness, heard_at{value}, ST_AsMVTGeom(geom, {envelope}, 4096, 0) AS geom FROM stations \
             WHERE geom && {envelope}) t;\n"
        );
    }
    // Eight by eight cells of the tile.
    let cell = 2.0 * 20_037_508.342_789_244 / f64::from(1_u32 << tile.z()) / 8.0;
    format!(
        "SELECT ST_AsMVT(t, 'clusters', 4096, 'geom') FROM (SELECT count(*) AS count, max(severity) AS severity, \
         max(freshness) AS freshness, min(heard_at) AS oldest_at, count(*) FILTER (WHERE kind = 'air') AS air, \
         count(*) FILTER (WHERE kind = 'traffic') AS traffic, count(*) FILTER (WHERE kind = 'weather') AS weather, \
         count(*) FILTER (WHERE kind = 'river') AS river, count(*) FILTER (WHERE kind = 'rain') AS rain, \
         count(*) FILTER (WHERE kind = 'forest') AS forest, count(*) FILTER (WHERE kind = 'meter') AS meter, \
         ST_AsMVTGeom(ST_Centroid(ST_Collect(geom)), {envelope}, 4096, 0) AS geom FROM stations \
         WHERE geom && {envelope} GROUP BY floor(ST_X(geom) / {cell}), floor(ST_Y(geom) / {cell})) t;\n"
    )
}
