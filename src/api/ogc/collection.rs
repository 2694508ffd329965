//! The collections there are, and the properties of their features.

/// A collection of features.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Collection {
    /// Stations in service.
    Stations,
    /// The newest sample of each channel in service that ever gave one.
    Observations,
    /// Alerts, open and cleared.
    Alerts,
    /// Incidents, open and closed.
    Incidents,
    /// The province and its communes.
    Areas,
}

impl Collection {
    /// Every one, in the order of `/ogc/collections`.
    pub const ALL: [Collection; 5] =
        [Collection::Stations, Collection::Observations, Collection::Alerts, Collection::Incidents, Collection::Areas];

    /// Its name in addresses.
    pub fn id(self) -> &'static str {
        match self {
            Collection::Stations => "stations",
            Collection::Observations => "observations",
            Collection::Alerts => "alerts",
            Collection::Incidents => "incidents",
            Collection::Areas => "areas",
        }
    }

    /// By its name.
    pub fn named(id: &str) -> Option<Collection> {
        Collection::ALL.into_iter().find(|collection| collection.id() == id)
    }

    /// What to call it, in Vietnamese and English.
    pub fn title(self) -> &'static str {
        match self {
            Collection::Stations => "Trạm quan trắc · Stations",
            Collection::Observations => "Giá trị mới nhất · Latest observations",
            Collection::Alerts => "Cảnh báo · Alerts",
            Collection::Incidents => "Sự cố · Incidents",
            Collection::Areas => "Địa bàn hành chính · Areas",
        }
    }

    /// What its features are, in Vietnamese and English.
    pub fn description(self) -> &'static str {
        match self {
            Collection::Stations => {
                "Các trạm đang hoạt động với độ mới của dữ liệu và mức cảnh báo cao nhất · Stations in service with \
                 their freshness and worst open severity"
            }
            Collection::Observations => {
                "Giá trị mới nhất của từng kênh đo kèm chất lượng và độ mới · The newest sample of every channel with \
                 its quality and freshness"
            }
            Collection::Alerts => {
                "Cảnh báo theo ngưỡng kỹ thuật, đang mở và đã kết thúc · Alerts by technical thresholds, open and over"
            }
            Collection::Incidents => {
                "Các cảnh báo cùng nguyên nhân và ở gần nhau · Alerts of one cause that are near each other"
            }
            Collection::Areas => "Tỉnh và các xã, phường · The province, its communes and wards",
        }
    }

    /// Whether `datetime` chooses among its features: the others have no time and are always chosen.
    pub fn has_times(self) -> bool {
        match self {
            Collection::Observations | Collection::Alerts | Collection::Incidents => true,
            Collection::Stations | Collection::Areas => false,
        }
    }

    /// The properties of its features, in order. Each of them can be asked for with a value.
    pub fn properties(self) -> &'static [&'static str] {
        match self {
            Collection::Stations => {
                &["kind", "name_vi", "name_en", "area", "area_name", "freshness", "severity", "maintenance"]
            }
            Collection::Observations => &[
                "station",
                "kind",
                "name_vi",
                "name_en",
                "area",
                "property",
                "unit",
                "value",
                "observed_at",
                "received_at",
                "quality",
                "freshness",
            ],
            Collection::Alerts => &[
                "rule",
                "title_vi",
                "title_en",
                "station",
                "property",
                "area",
                "state",
                "severity",
                "value",
                "threshold",
                "unit",
                "started_at",
                "changed_at",
                "ended_at",
            ],
            Collection::Incidents => {
                &["cause", "title_vi", "title_en", "state", "severity", "opened_at", "changed_at", "closed_at"]
            }
            Collection::Areas => &["level", "name_vi", "name_en", "parent"],
        }
    }
}
