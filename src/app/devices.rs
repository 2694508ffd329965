//! Between devices' credentials and the edge, and between the API's commands and the edge.

use std::sync::Arc;
use std::time::Duration;

use tokio_util::sync::CancellationToken;

use crate::api::Commanding;
use crate::api::commands::{Commanded, NotCommanded};
use crate::auth::{AuthError, Devices};
use crate::clock::Clock;
use crate::model::{Intake, Keep, StationCommand};
use crate::mqtt::edge::{CommandError, Device, Edge, Retain};
use crate::pipeline::Pipeline;

/// How often it is looked whether credentials have changed; the command line changes them without asking us.
const EVERY: Duration = Duration::from_millis(500);

/// The devices that may connect, and the number of their version.
pub(super) fn read(devices: &Devices) -> Result<(i64, Vec<Device>), AuthError> {
    // The number first: what changes in between is read again.
    let version = devices.version()?;
    let admitted = devices.list()?.into_iter().filter(|row| row.revoked_at.is_none());
    let device =
        |row: crate::auth::DeviceRow| Device { name: row.name, secret_hash: row.secret_hash, stations: row.stations };
    Ok((version, admitted.map(device).collect()))
}

/// Tells the edge of changed credentials until the service stops.
pub(super) async fn follow(devices: Arc<Devices>, edge: Arc<Edge>, mut version: i64, stop: CancellationToken) {
    let mut every = tokio::time::interval(EVERY);
    every.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            _ = every.tick() => {}
            () = stop.cancelled() => return,
        }
        let asked = devices.clone();
        let changed = tokio::task::spawn_blocking(move || match asked.version()? {
            same if same == version => Ok(None),
            _ => read(&asked).map(Some),
        });
        match changed.await {
            Ok(Ok(None)) => {}
            Ok(Ok(Some((now, admitted)))) => {
                tracing::info!(devices = admitted.len(), "the credentials of devices have changed");
                edge.set_devices(admitted);
                version = now;
            }
            Ok(Err(error)) => tracing::error!(%error, "the credentials of devices cannot be read"),
            Err(error) => tracing::error!(%error, "the credentials of devices cannot be read"),
        }
    }
}

/// Sends commands.
pub(super) type Commander = Box<dyn Fn(StationCommand) -> Commanding + Send + Sync>;

/// Journals commands and, once they are durable there, sends them through the edge, if there is one.
pub(super) fn commander(edge: Option<&Arc<Edge>>, pipeline: Arc<Pipeline>, clock: Clock) -> Commander {
    let topics = edge.map(|edge| edge.commands());
    Box::new(move |command| {
        let (topics, pipeline, now) = (topics.clone(), pipeline.clone(), clock.now());
        Box::pin(async move {
            let off = "commands go out by the embedded MQTT edge, which is off";
            let topics = topics.ok_or_else(|| NotCommanded::Unavailable(off.to_owned()))?;
            let seq = pipeline.note_command(now, command.clone());
            let seq = seq.map_err(|refusal| NotCommanded::Unavailable(refusal.to_string()))?;
            let mut durable = pipeline.durable();
            let reached = durable.wait_for(|durable| durable.through >= seq || durable.failed).await;
            if !reached.is_ok_and(|durable| !durable.failed) {
                return Err(NotCommanded::Unavailable("the journal has stopped".to_owned()));
            }
            let retain = if command.keep == Keep::LastWord { Retain::Keep } else { Retain::No };
            let sent = topics.send(&command.station, command.payload, retain, command.expires_at).await;
            let sent = sent.map_err(|error| match error {
                CommandError::NotWritten | CommandError::RetainedFull { .. } => {
                    NotCommanded::Unavailable(error.to_string())
                }
                _ => NotCommanded::Nobody(error.to_string()),
            })?;
            let (topic, connected) = (sent.topic, sent.connected);
            Ok(Commanded { topic, connected, waiting: sent.waiting, refused: sent.refused })
        })
    })
}
