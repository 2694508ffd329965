//! A tile with more stations than a piece has: what it says of each is what the catalogue and the picture say.

use super::*;
use crate::model::Freshness;

/// Stations in rows of 40, the place of each far from its number; with no, one, two or three channels, of which some are
/// retired and some have nothing to tell.
fn crowd() -> Catalogue {
    let count = 3 * picture::PIECE as u32 - 50;
    let (mut stations, mut channels) = (Vec::new(), Vec::new());
    for no in 0..count {
        let place = no * 7 % count;
        let position = Position { lon: 103.3 + f64::from(place % 40) * 4e-4, lat: 22.3 + f64::from(place / 40) * 4e-4 };
        let own: Vec<ChannelId> = (0..no % 4).map(|nth| ChannelId(channels.len() as u32 + nth)).collect();
        channels.extend(own.iter().zip(0_usize..).map(|(id, nth)| Channel {
            id: *id,
            station: StationNo(no),
            property: Property::new(PROPERTIES[(nth + no as usize) % 7]),
            unit: if no.is_multiple_of(2) { Unit::One } else { Unit::Percent },
            interval: Duration::from_secs(60),
            plausible: Range { min: -1e6, max: 1e6 },
            link: LinkClass::Wired,
            retired: id.0.is_multiple_of(5),
        }));
        stations.push(Station {
            no: StationNo(no),
            id: StationId::new(&format!("S-{no}")),
            kind: StationKind::ALL[no as usize % 7],
            name: LocalName { vi: format!("Trạm {no}"), en: format!("Station {}", no / 2) },
            position,
            area: None,
            maintenance: false,
            retired: no % 11 == 3,
            channels: own,
        });
    }
    Catalogue::new(vec!["edge".into()], Vec::new(), stations, channels).unwrap()
}

#[test]
fn a_tile_says_of_every_station_what_the_catalogue_and_the_picture_say() {
    let look = |channel: &Channel| {
        let freshness = if channel.id.0.is_multiple_of(3) { Freshness::Stale } else { Freshness::Live };
        let newest = Newest {
            value: f64::from(channel.id.0 % 10) / 4.0,
            observed_at: NOW,
            received_at: Some(NOW),
            quality: Quality::GOOD,
        };
        Look { latest: (!channel.id.0.is_multiple_of(7)).then_some(newest), freshness, fresh_until: None }
    };
    let picture = Picture::draw(Draft {
        at: NOW,
        revision: 1,
        catalogue: Arc::new(crowd()),
        areas: Arc::default(),
        is_drawn: &|station| !station.retired,
        look: &look,
        alerts: Vec::new(),
        incidents: Vec::new(),
    });
    let tile = TileId::around(13, World::of(Position { lon: 103.307, lat: 22.303 }));
    let drawn = decoder::read(&tile::draw(&picture, Layer::Stations, tile, &Sight::All));
    let points = &drawn[Layer::Stations.id()];
    assert!(points.len() > 2 * picture::PIECE, "{} stations: more than two pieces", points.len());
    let expected: Vec<_> = picture
        .in_tile(tile)
        .map(|shown| {
            let mut attributes = BTreeMap::from([
                ("id".to_owned(), shown.station.id.as_str().to_owned()),
                ("kind".to_owned(), shown.station.kind.word().to_owned()),
                ("name_vi".to_owned(), shown.station.name.vi.clone()),
                ("name_en".to_owned(), shown.station.name.en.clone()),
                ("freshness".to_owned(), shown.pin.freshness.word().to_owned()),
            ]);
            attributes.extend(shown.pin.heard_at.map(|at| ("heard_at".to_owned(), at.seconds().to_string())));
            for (id, look) in shown.station.channels.iter().zip(shown.looks) {
                let channel = picture.catalogue.channel(*id).filter(|channel| !channel.retired);
                let Some(channel) = channel else { continue };
                attributes.insert(format!("{}_unit", channel.property), channel.unit.code().to_owned());
                attributes
                    .extend(look.current().map(|latest| (channel.property.to_string(), latest.value.to_string())));
            }
            (Some(u64::from(shown.station.no.0)), attributes)
        })
        .collect();
    let told: Vec<_> = points.iter().map(|point| (point.id, point.attributes.clone())).collect();
    assert_eq!(told, expected);
    assert!(expected.iter().any(|(_, attributes)| attributes.len() == 10), "some have two values");
}
