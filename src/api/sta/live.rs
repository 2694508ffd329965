//! New observations as they are published over MQTT (18-088, clause 14.2): each on the topic of its Datastream's
//! observations, in the words of the reading side.

use std::sync::Arc;

use super::entity::entity;
use super::rows::Row;
use super::scene::Scene;
use crate::api::Parts;
use crate::api::base::Base;
use crate::api::sight::Sight;
use crate::live::Latest;
use crate::model::ChannelId;
use crate::sensorthings::Options;
use crate::store::StoredSample;

/// Topic and entity of each sample. Links begin with `http.public_url`, or with a slash when that is empty.
pub fn observations(parts: &Arc<Parts>, samples: &[(ChannelId, Latest)]) -> Vec<(String, Vec<u8>)> {
    let scene = Scene::new(parts, |_| Sight::All, Base::configured(&parts.config.public_url));
    let told = samples.iter().filter_map(|(id, latest)| {
        let channel = scene.catalogue().channel(*id)?;
        let station = scene.catalogue().station(channel.station)?;
        let sample = StoredSample { observed_at: latest.observed_at, value: latest.value, quality: latest.quality };
        let stream = Row::Datastream(station, channel).id(&scene);
        let entity = entity(&scene, &Row::Observation(station, channel, sample), &Options::default()).ok()?;
        Some((format!("v1.1/Datastreams('{stream}')/Observations"), serde_json::to_vec(&entity).ok()?))
    });
    told.collect()
}
