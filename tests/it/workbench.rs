//! A journal, a store and a pipeline over one station, without a service around them.

use std::sync::Arc;
use std::time::Duration;

use saola::journal::{self, Journal};
use saola::model::{
    Catalogue, Channel, ChannelId, LinkClass, LocalName, Position, Property, Range, Station, StationId, StationKind,
    StationNo, Unit,
};
use saola::pipeline::Pipeline;
use saola::store::{self, Store};
use saola::validate;

/// Nothing is known to the pipeline until a catalogue is installed.
pub struct Workbench {
    pub journal: Arc<Journal>,
    pub store: Arc<Store>,
    pub pipeline: Pipeline,
    pub folder: tempfile::TempDir,
}

impl Workbench {
    pub fn new() -> Workbench {
        Workbench::keeping(&store::Config::default())
    }

    /// With a store that keeps as it is told.
    pub fn keeping(config: &store::Config) -> Workbench {
        let folder = tempfile::tempdir().unwrap();
        let (journal, _) = Journal::open(&folder.path().join("journal"), &journal::Config::default()).unwrap();
        let store = Arc::new(Store::open(&folder.path().join("store"), config).unwrap());
        let empty = Arc::new(Catalogue::default());
        let pipeline = Pipeline::new(journal.clone(), store.clone(), validate::Config::default(), empty, |_| None);
        Workbench { journal, store, pipeline, folder }
    }
}

/// A station `A` with one wired channel, every 60 s, and the names of the sources.
pub fn one_station(
    kind: StationKind,
    (property, unit, [min, max]): (&str, Unit, [f64; 2]),
    sources: impl IntoIterator<Item = String>,
) -> Catalogue {
    let channel = Channel {
        id: ChannelId(0),
        station: StationNo(0),
        property: Property::new(property),
        unit,
        interval: Duration::from_secs(60),
        plausible: Range { min, max },
        link: LinkClass::Wired,
        retired: false,
    };
    let station = Station {
        no: StationNo(0),
        id: StationId::new("A"),
        kind,
        name: LocalName { vi: "A".to_owned(), en: "A".to_owned() },
        position: Position { lon: 103.4, lat: 22.3 },
        area: None,
        maintenance: false,
        retired: false,
        channels: vec![ChannelId(0)],
    };
    Catalogue::new(sources.into_iter().collect(), vec![], vec![station], vec![channel]).unwrap()
}
