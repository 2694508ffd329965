//! Stations and alerts of a past moment in the same shapes as those of the present.
//!
//! Everything that is told is from the moment's picture, its alerts and its incidents. Names and texts of rules and an
//! alert's version are those of the present: what is said about an alert is said to it as it is now.

use std::collections::{BTreeMap, HashMap};

use super::features::{AlertDocument, AlertFeature, Name, Reporter, StationFeature, StationReport};
use crate::incidents::Incident;
use crate::layers::{Picture, Shown};
use crate::model::{Alert, AlertId, LocalName, Severity, StationNo, Subject};

/// Incidents of a moment by their alerts, with the known heat source that explains one.
pub type InIncidents = BTreeMap<AlertId, (String, Option<LocalName>)>;

/// The same of these incidents.
pub fn in_incidents(incidents: &[Incident]) -> InIncidents {
    let of = |incident: &Incident| {
        let members = incident
            .members()
            .iter()
            .map(|(alert, member)| (alert.clone(), (incident.id.to_string(), member.masked_by.as_deref().cloned())));
        members.collect::<Vec<_>>()
    };
    incidents.iter().flat_map(of).collect()
}

/// Identifiers of alerts by their stations.
pub type OfStations = HashMap<StationNo, Vec<String>>;

/// The same of a picture's alerts.
pub fn of_stations(picture: &Picture) -> OfStations {
    let mut found = OfStations::default();
    for alert in picture.alerts.iter() {
        if let Some(station) = alert.subject.station() {
            found.entry(station).or_default().push(alert.id.to_string());
        }
    }
    found
}

/// Makes reports of a past moment; the reporter's `now` is that moment.
pub struct PastReporter<'a> {
    /// For what is of the present.
    pub reporter: Reporter<'a>,
    /// The moment's picture.
    pub picture: &'a Picture,
    /// In which incidents alerts were.
    pub in_incidents: InIncidents,
    /// Identifiers of the alerts of each station, in the picture's order.
    pub alerts: OfStations,
}

impl PastReporter<'_> {
    /// A station's feature.
    pub fn station(&self, shown: &Shown<'_>) -> StationFeature {
        let catalogue = &self.picture.catalogue;
        let station = shown.station;
        let channels = station.channels.iter().zip(shown.looks).filter_map(|(id, look)| {
            let channel = catalogue.channel(*id).filter(|channel| !channel.retired)?;
            Some(self.reporter.channel_as(catalogue, channel, *look))
        });
        let properties = StationReport {
            kind: station.kind.word(),
            name: Name::from(&station.name),
            area: station.area.clone(),
            area_name: station.area.as_ref().and_then(|id| catalogue.area(id)).map(|area| Name::from(&area.name)),
            channels: channels.collect(),
            freshness: shown.pin.freshness.word(),
            severity: shown.pin.severity.map(Severity::word),
            alerts: self.alerts.get(&station.no).cloned().unwrap_or_default(),
            missing_messages: None,
            retired: station.retired,
        };
        StationFeature::new(station, properties)
    }

    /// An alert's feature at its place.
    pub fn alert(&self, alert: &Alert) -> Option<AlertFeature> {
        let catalogue = &self.picture.catalogue;
        let at = match &alert.subject {
            Subject::Channel { station, .. } => catalogue.station(*station)?.position,
            Subject::Area { area, .. } => catalogue.middle_of(area)?,
        };
        Some(AlertFeature::new(at, document(&self.reporter, alert, &self.in_incidents)?))
    }
}

/// An alert's document as of the reporter's `now`, which is a past moment; so is `alert`.
pub fn document(reporter: &Reporter<'_>, alert: &Alert, in_incidents: &InIncidents) -> Option<AlertDocument> {
    let done = (reporter.handling_then(alert, reporter.now), reporter.timeline_then(alert, reporter.now));
    let incident = in_incidents.get(&alert.id);
    let incident = incident.map(|(id, mask)| (id.clone(), mask.as_ref().map(Name::from)));
    Some(reporter.alert(alert)?.as_of(done, alert.occurrences_told(), incident))
}
