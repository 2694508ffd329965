//! Files that the configuration names: they are there, and secrets are nobody else's to read. Folders that are watched
//! hold nothing of ours: whoever drops files there could change it, and it would be read and moved away.

use std::io::Read;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use super::Config;
use crate::notify::config::Holds;

/// Secrets that stand in examples and lists of what to try first.
const SAMPLES: [&str; 10] =
    ["password", "passwd", "changeme", "change-me", "secret", "admin", "saola", "mosquitto", "123456", "example"];

/// What a named file must be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    /// There, and readable by us.
    Readable,
    /// That, and by nobody but its owner.
    Secret,
}

/// Relative paths start at the configuration file's folder.
pub(super) fn start_at(config: &mut Config, folder: &Path) {
    config.province_dir =
        if config.province_dir == Path::new(".") { folder.to_owned() } else { folder.join(&config.province_dir) };
    for (_, path, _) in named(config) {
        *path = folder.join(&path);
    }
    for watched in config.sources.iter_mut().filter_map(|source| source.folder.as_mut()) {
        *watched = folder.join(&watched);
    }
}

/// Every file by its key.
fn named(config: &mut Config) -> Vec<(String, &mut PathBuf, Kind)> {
    let mut found = Vec::new();
    if let Some(tls) = &mut config.mqtt.edge.tls {
        found.push(("mqtt.edge.tls.certificate".to_owned(), &mut tls.certificate, Kind::Readable));
        found.push(("mqtt.edge.tls.key".to_owned(), &mut tls.key, Kind::Secret));
        if let Some(path) = &mut tls.client_ca {
            found.push(("mqtt.edge.tls.client_ca".to_owned(), path, Kind::Readable));
        }
    }
    let influx = &mut config.store.influx;
    if let Some(path) = &mut influx.token_file {
        found.push(("store.influx.token_file".to_owned(), path, Kind::Secret));
    }
    if let Some(path) = &mut influx.ca_file {
        found.push(("store.influx.ca_file".to_owned(), path, Kind::Readable));
    }
    for (place, client) in config.mqtt.clients.iter_mut().enumerate() {
        let files = [
            ("password_file", &mut client.password_file, Kind::Secret),
            ("ca_file", &mut client.ca_file, Kind::Readable),
        ];
        for (key, path, kind) in files {
            found.extend(path.as_mut().map(|path| (format!("mqtt.client[{place}].{key}"), path, kind)));
        }
    }
    found.extend(config.notify.files().into_iter().map(|(key, path, holds)| {
        let kind = match holds {
            Holds::Certificates => Kind::Readable,
            Holds::Secret => Kind::Secret,
        };
        (format!("notify.{key}"), path, kind)
    }));
    found
}

/// Every mistake as key and sentence. `file` is the configuration itself.
pub(super) fn mistakes(config: &Config, file: &Path) -> Vec<(String, String)> {
    let mut found = Vec::new();
    if !config.province_dir.is_dir() {
        found.push(("province_dir".to_owned(), format!("there is no folder {}", config.province_dir.display())));
    }
    for (key, path, kind) in named(&mut config.clone()) {
        if let Err(message) = look(path, kind) {
            found.push((key, format!("{} {message}", path.display())));
        }
    }
    found.extend(watched(config, file));
    // A hash of a password can be guessed against at leisure.
    if !config.mqtt.edge.accounts.is_empty() && mode(file).is_some_and(|mode| mode & 0o007 != 0) {
        let message = format!("everybody on this machine may read it: chmod o-rwx {}", file.display());
        found.push(("mqtt.edge.account[0].password_hash".to_owned(), message));
    }
    found
}

/// Watched folders with something of ours in them, or in something of ours.
fn watched(config: &Config, file: &Path) -> Vec<(String, String)> {
    let province = |name: &str| resolved(&config.province_dir.join(name));
    let data_dir = ("data_dir", resolved(&config.data_dir));
    let ours = ["stations", "areas", "rules"].map(|name| ("a folder of the province", province(name)));
    let ours: Vec<_> = ours.into_iter().chain([data_dir]).collect();
    let folders = config.sources.iter().enumerate();
    let folders = folders.filter_map(|(place, source)| Some((place, resolved(source.folder.as_ref()?))));
    folders
        .filter_map(|(place, folder)| {
            let overlap = |(_, own): &&(_, PathBuf)| own.starts_with(&folder) || folder.starts_with(own);
            let message = if resolved(file).starts_with(&folder) {
                "holds the configuration itself".to_owned()
            } else {
                let (what, own) = ours.iter().find(overlap)?;
                format!("overlaps with {what}, {}", own.display())
            };
            Some((format!("source[{place}].folder"), message))
        })
        .collect()
}

/// Where a path leads, links followed as far as it exists.
pub(super) fn resolved(path: &Path) -> PathBuf {
    let path = std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
    let there = path.ancestors().find_map(|above| Some((above, above.canonicalize().ok()?)));
    let Some((above, found)) = there else { return path };
    match path.strip_prefix(above) {
        Ok(rest) if !rest.as_os_str().is_empty() => found.join(rest),
        _ => found,
    }
}

fn mode(path: &Path) -> Option<u32> {
    std::fs::metadata(path).ok().map(|found| found.permissions().mode())
}

fn look(path: &Path, kind: Kind) -> Result<(), String> {
    let mut start = Vec::new();
    let file = std::fs::File::open(path).map_err(|error| format!("cannot be read: {error}"))?;
    file.take(64 * 1024).read_to_end(&mut start).map_err(|error| format!("cannot be read: {error}"))?;
    if start.is_empty() {
        return Err("is empty".to_owned());
    }
    if kind == Kind::Readable {
        return Ok(());
    }
    if mode(path).is_some_and(|mode| mode & 0o077 != 0) {
        return Err(format!("holds a secret that others may read: chmod 600 {}", path.display()));
    }
    let first = String::from_utf8_lossy(&start);
    let first = first.lines().next().unwrap_or_default().trim().to_lowercase();
    if first.is_empty() {
        return Err("has an empty first line where the secret belongs".to_owned());
    }
    if SAMPLES.contains(&first.as_str()) {
        return Err("holds a secret that everybody tries first: choose another".to_owned());
    }
    Ok(())
}
