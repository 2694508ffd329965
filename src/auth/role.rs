//! Roles, permissions, scopes, and the one decision.

use std::collections::BTreeSet;

use crate::model::AreaId;

/// What a person is employed for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Role {
    /// Looks after the installation: accounts, stations, rules.
    Administrator,
    /// Watches the province and answers alerts, 24/7.
    Operator,
    /// Asks what happened over months and years.
    Planner,
    /// Gets alerts on the phone, in the forest.
    Ranger,
}

impl Role {
    /// Every role.
    pub const ALL: [Role; 4] = [Role::Administrator, Role::Operator, Role::Planner, Role::Ranger];

    /// The word used in files, the database and answers.
    pub fn word(self) -> &'static str {
        match self {
            Role::Administrator => "administrator",
            Role::Operator => "operator",
            Role::Planner => "planner",
            Role::Ranger => "ranger",
        }
    }

    /// From its word.
    pub fn parse(word: &str) -> Option<Role> {
        Role::ALL.into_iter().find(|role| role.word() == word)
    }
}

/// What a request needs. A closed list: every route names one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Permission {
    /// Stations, layers, the stream, indices: what is now.
    ReadMap,
    /// Samples of the past.
    ReadHistory,
    /// Alerts and their evidence.
    ReadAlerts,
    /// What came in and what became of it.
    ReadLedger,
    /// Messages that were refused, whole.
    ReadDeadLetters,
    /// Handing refused messages in again.
    ReplayDeadLetters,
    /// Telling stations' devices something.
    SendCommands,
    /// The service's own measures.
    ReadMetrics,
    /// Who did what.
    ReadAudit,
    /// Accounts, rules, devices that nobody knows.
    Administer,
    /// Saying when people work at a station.
    MaintainStations,
    /// Correcting samples of the past, with one's name.
    CorrectHistory,
    /// Stations, their channels and places, where the caller's areas are.
    EditStations,
    /// Acknowledging and assigning alerts, and saying something about them.
    AnswerAlerts,
    /// Shelving and closing alerts.
    SettleAlerts,
    /// Saying who is on duty when.
    EditRoster,
}

impl Permission {
    /// Every permission.
    pub const ALL: [Permission; 16] = [
        Permission::ReadMap,
        Permission::ReadHistory,
        Permission::ReadAlerts,
        Permission::ReadLedger,
        Permission::ReadDeadLetters,
        Permission::ReplayDeadLetters,
        Permission::SendCommands,
        Permission::ReadMetrics,
        Permission::ReadAudit,
        Permission::Administer,
        Permission::MaintainStations,
        Permission::CorrectHistory,
        Permission::EditStations,
        Permission::AnswerAlerts,
        Permission::SettleAlerts,
        Permission::EditRoster,
    ];

    /// The word used in the audit.
    pub fn word(self) -> &'static str {
        match self {
            Permission::ReadMap => "read_map",
            Permission::ReadHistory => "read_history",
            Permission::ReadAlerts => "read_alerts",
            Permission::ReadLedger => "read_ledger",
            Permission::ReadDeadLetters => "read_dead_letters",
            Permission::ReplayDeadLetters => "replay_dead_letters",
            Permission::SendCommands => "send_commands",
            Permission::ReadMetrics => "read_metrics",
            Permission::ReadAudit => "read_audit",
            Permission::Administer => "administer",
            Permission::MaintainStations => "maintain_stations",
            Permission::CorrectHistory => "correct_history",
            Permission::EditStations => "edit_stations",
            Permission::AnswerAlerts => "answer_alerts",
            Permission::SettleAlerts => "settle_alerts",
            Permission::EditRoster => "edit_roster",
        }
    }

    /// Whether its answers can be narrowed to areas. What cannot (a ledger, a refused message of an unknown station)
    /// is for callers who see everything.
    fn can_be_narrowed(self) -> bool {
        match self {
            Permission::ReadMap | Permission::ReadHistory | Permission::ReadAlerts => true,
            Permission::SendCommands | Permission::EditStations => true,
            Permission::MaintainStations | Permission::CorrectHistory => true,
            Permission::AnswerAlerts | Permission::SettleAlerts => true,
            Permission::EditRoster
            | Permission::ReadLedger
            | Permission::ReadDeadLetters
            | Permission::ReplayDeadLetters
            | Permission::ReadMetrics
            | Permission::ReadAudit
            | Permission::Administer => false,
        }
    }
}

/// Where.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Scope {
    /// Everywhere, and what stands in no known area.
    All,
    /// Only in these areas; an area stands for what lies inside it where the catalogue is at hand.
    Areas(BTreeSet<AreaId>),
}

/// Who asks, once it is known.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Caller {
    /// The account.
    pub name: String,
    /// Its role.
    pub role: Role,
    /// Where.
    pub scope: Scope,
}

impl Caller {
    /// Whether something that stands in `area` may be shown, by the very codes of the scope. Whoever also knows which
    /// area lies in which widens the scope first.
    pub fn sees(&self, area: Option<&AreaId>) -> bool {
        match &self.scope {
            Scope::All => true,
            Scope::Areas(areas) => area.is_some_and(|area| areas.contains(area)),
        }
    }
}

/// The one decision: whether a caller may do something at all. Where is decided by the scope, thing by thing.
pub fn may(caller: &Caller, permission: Permission) -> bool {
    role_may(caller.role, permission) && (permission.can_be_narrowed() || caller.scope == Scope::All)
}

/// The table of roles and permissions.
fn role_may(role: Role, permission: Permission) -> bool {
    use Permission::*;
    match (role, permission) {
        (Role::Administrator, _) => true,
        (Role::Operator, ReadMap | ReadHistory | ReadAlerts) => true,
        (Role::Operator, ReadLedger | ReadDeadLetters | ReplayDeadLetters | SendCommands | ReadMetrics) => true,
        (Role::Operator, MaintainStations | CorrectHistory) => true,
        (Role::Operator | Role::Ranger, AnswerAlerts) => true,
        (Role::Operator, SettleAlerts | EditRoster) => true,
        (Role::Planner, AnswerAlerts) => false,
        (Role::Planner | Role::Ranger, SettleAlerts | EditRoster) => false,
        (Role::Operator, ReadAudit | Administer | EditStations) => false,
        (Role::Planner, ReadMap | ReadHistory | ReadAlerts | ReadLedger) => true,
        (Role::Planner | Role::Ranger, MaintainStations | CorrectHistory) => false,
        (Role::Planner, ReadDeadLetters | ReplayDeadLetters | SendCommands) => false,
        (Role::Planner, ReadMetrics | ReadAudit | Administer | EditStations) => false,
        (Role::Ranger, ReadMap | ReadHistory | ReadAlerts) => true,
        (Role::Ranger, ReadLedger | ReadDeadLetters | ReplayDeadLetters | SendCommands) => false,
        (Role::Ranger, ReadMetrics | ReadAudit | Administer | EditStations) => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn caller(role: Role, areas: Option<&[&str]>) -> Caller {
        let scope =
            areas.map_or(Scope::All, |codes| Scope::Areas(codes.iter().map(|code| AreaId::new(code)).collect()));
        Caller { name: "x".to_owned(), role, scope }
    }

    /// One line a role: a letter for what it may do, a dot for what not, in the order of [`Permission::ALL`].
    fn check(areas: Option<&[&str]>, expected: [&str; 4]) {
        for (role, expected) in Role::ALL.into_iter().zip(expected) {
            let caller = caller(role, areas);
            let found: String = Permission::ALL.iter().map(|p| if may(&caller, *p) { 'x' } else { '.' }).collect();
            assert_eq!(found, expected, "{}", role.word());
        }
    }

    #[test]
    fn the_table_is_as_written_down() {
        check(None, ["xxxxxxxxxxxxxxxx", "xxxxxxxx..xx.xxx", "xxxx............", "xxx..........x.."]);
    }

    #[test]
    fn what_cannot_be_narrowed_is_only_for_those_who_see_everything() {
        let expected = ["xxx...x...xxxxx.", "xxx...x...xx.xx.", "xxx.............", "xxx..........x.."];
        check(Some(&["03388"]), expected);
        check(Some(&[]), expected);
    }

    #[test]
    fn a_scope_shows_its_own_areas_and_nothing_placeless() {
        let ranger = caller(Role::Ranger, Some(&["03388"]));
        assert!(ranger.sees(Some(&AreaId::new("03388"))));
        assert!(!ranger.sees(Some(&AreaId::new("03394"))) && !ranger.sees(None));
        assert!(caller(Role::Ranger, None).sees(None));
        assert!(!caller(Role::Administrator, Some(&[])).sees(Some(&AreaId::new("03388"))));
    }

    #[test]
    fn roles_are_read_by_their_words() {
        for role in Role::ALL {
            assert_eq!(Role::parse(role.word()), Some(role));
        }
        assert_eq!(Role::parse("Administrator"), None);
    }
}
