//! `escalation.toml`: whom alerts are taken to while nobody acknowledges them.
//!
//! ```toml
//! [[escalation]]                          # the first entry that fits an alert is the alert's
//! severity = ["very_high", "catastrophic"] # optional: one severity or a list; absent: all
//! cause = ["smoke"]                       # optional: one hazard or a list: the rule's cause, or what is observed
//! area = ["12"]                           # optional: one area or a list; a province takes in its communes
//! steps = [                               # 1 to 20, the earliest first
//!     { after = "10m", to = "duty:forest" },    # whoever is on duty in this role then, by the roster
//!     { after = "20m", to = "person:lo-van-a" },
//!     { after = "40m", to = "role:operator" },  # everybody with this role
//! ]
//! reminders = { every = "1h", at_most = 3 }   # optional: while it is acknowledged and open; every at least 1m, at_most
//!                                         # 1 to 100; `to` as above, else whoever it is assigned to or acknowledged it
//! ```
//!
//! Every mistake is told with its line; a file with mistakes is refused whole.

use std::time::Duration;

use crate::document::{Need, Page, Section};
use crate::model::{
    AreaId, Catalogue, EscalationPlan, Ladder, LadderStep, Mistake, PersonId, Recipient, Reminders, Severity, Span,
};

/// The file's name in the province's folder.
pub const ESCALATION_FILE: &str = "escalation.toml";

const LADDERS_MAX: usize = 100;
const STEPS_MAX: usize = 20;
const REMINDERS_MAX: u16 = 100;
/// The latest step and the rarest reminder.
const AFTER_MAX: Duration = Duration::from_secs(31 * 86_400);
/// The most frequent reminder.
const EVERY_MIN: Duration = Duration::from_secs(60);

/// The plan that a text describes, or every mistake in it.
pub fn read_plan(file: &str, text: &str, catalogue: &Catalogue) -> Result<EscalationPlan, Vec<Mistake>> {
    let (page, table) = Page::parse(file, text);
    let mut root = page.root(&table);
    let mut sections = root.sections("escalation", Need::Optional);
    if sections.len() > LADDERS_MAX {
        root.mistake("escalation", format!("there are {}; {LADDERS_MAX} are allowed", sections.len()));
    }
    let ladders = sections.iter_mut().filter_map(|section| ladder(section, catalogue)).collect();
    sections.into_iter().for_each(Section::finish);
    root.finish();
    let mistakes = page.into_mistakes();
    if mistakes.is_empty() { Ok(EscalationPlan { ladders }) } else { Err(mistakes) }
}

fn ladder(section: &mut Section<'_, '_>, catalogue: &Catalogue) -> Option<Ladder> {
    let mut severities = Vec::new();
    for word in section.texts("severity") {
        match Severity::ALL.into_iter().find(|severity| severity.word() == word) {
            Some(severity) => severities.push(severity),
            None => {
                let known: Vec<_> = Severity::ALL.iter().map(|severity| severity.word()).collect();
                section.mistake("severity", format!("{word:?} is not a severity; known: {}", known.join(", ")));
            }
        }
    }
    let causes = section.texts("cause").into_iter().map(str::to_owned).collect();
    let areas: std::collections::BTreeSet<AreaId> = section.texts("area").into_iter().map(AreaId::new).collect();
    for area in areas.iter().filter(|area| catalogue.area(area).is_none()) {
        section.mistake("area", format!("there is no area {:?} in the registry", area.as_str()));
    }
    let steps = steps(section);
    let reminders = section.has("reminders").then(|| reminders(section));
    let reminders = match reminders {
        None => None,
        Some(read) => Some(read?),
    };
    Some(Ladder { severities, causes, areas, steps: steps?, reminders })
}

fn steps(section: &mut Section<'_, '_>) -> Option<Vec<LadderStep>> {
    let mut tables = section.sections("steps", Need::Required);
    if section.has("steps") && !(1..=STEPS_MAX).contains(&tables.len()) {
        section.mistake("steps", format!("must be a list of 1 to {STEPS_MAX} steps"));
    }
    let mut steps: Vec<LadderStep> = Vec::new();
    for table in &mut tables {
        let after = within(table, "after", Duration::ZERO);
        let to = recipient(table, Need::Required);
        let Some((after, to)) = after.zip(to) else { continue };
        if steps.last().is_some_and(|before| before.after >= after) {
            table.mistake("after", "must be later than the step before");
        }
        steps.push(LadderStep { after, to });
    }
    let whole = steps.len() == tables.len() && !steps.is_empty();
    tables.into_iter().for_each(Section::finish);
    whole.then_some(steps)
}

fn reminders(section: &mut Section<'_, '_>) -> Option<Reminders> {
    let mut table = section.section("reminders", Need::Required)?;
    let every = within(&mut table, "every", EVERY_MIN);
    let at_most = table.number("at_most", Need::Required).and_then(|number| {
        let fits = number.fract() == 0.0 && (1.0..=f64::from(REMINDERS_MAX)).contains(&number);
        if !fits {
            table.mistake("at_most", format!("must be a whole number from 1 to {REMINDERS_MAX}"));
        }
        fits.then_some(number as u16)
    });
    let names_somebody = table.has("to");
    let to = recipient(&mut table, Need::Optional);
    table.finish();
    let reminders = Reminders { every: every?, at_most: at_most?, to };
    (reminders.to.is_some() == names_somebody).then_some(reminders)
}

fn within(section: &mut Section<'_, '_>, key: &'static str, least: Duration) -> Option<Duration> {
    let span = section.span(key, Need::Required)?.duration();
    if span < least || span > AFTER_MAX {
        section.mistake(key, format!("must be {} to {}", Span::from(least), Span::from(AFTER_MAX)));
        return None;
    }
    Some(span)
}

fn recipient(section: &mut Section<'_, '_>, need: Need) -> Option<Recipient> {
    let text = section.text("to", need)?;
    let found = text.split_once(':').filter(|(_, name)| {
        let is_plain = |letter: char| letter.is_alphanumeric() || matches!(letter, '-' | '_' | '.' | '@');
        (1..=64).contains(&name.chars().count()) && name.chars().all(is_plain)
    });
    let recipient = match found {
        Some(("duty", role)) => Some(Recipient::Duty(role.to_owned())),
        Some(("person", id)) => Some(Recipient::Person(PersonId(id.into()))),
        Some(("role", role)) => Some(Recipient::Role(role.to_owned())),
        _ => None,
    };
    if recipient.is_none() {
        let message = format!("{text:?} is nobody: write duty:ROLE, person:ID or role:ROLE, such as duty:forest");
        section.mistake("to", message);
    }
    recipient
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::alerts::tests::catalogue;

    fn check(text: &str, expected: &[&str]) {
        let mistakes = read_plan("escalation.toml", text, &catalogue()).unwrap_err();
        let found: Vec<_> = mistakes.iter().map(|m| format!("{} {}: {}", m.line, m.key, m.message)).collect();
        assert_eq!(found.len(), expected.len(), "{found:#?}");
        for (found, expected) in found.iter().zip(expected) {
            assert!(found.starts_with(expected), "{found:?} does not start with {expected:?}");
        }
    }

    #[test]
    fn a_plan_is_read_whole() {
        let text = "[[escalation]]\nseverity = ['high', 'very_high']\ncause = 'smoke'\narea = '12'\n\
            steps = [{ after = '10m', to = 'duty:forest' }, { after = '20m', to = 'person:lo-van-a' }]\n\
            reminders = { every = '1h', at_most = 3, to = 'role:operator' }\n[[escalation]]\n\
            steps = [{ after = '0s', to = 'role:operator' }]\n";
        let plan = read_plan("escalation.toml", text, &catalogue()).unwrap();
        assert_eq!(plan.ladders.len(), 2);
        assert_eq!(plan.ladders[0].steps[1].to, Recipient::Person(PersonId("lo-van-a".into())));
        assert_eq!(plan.ladders[0].reminders.as_ref().unwrap().to, Some(Recipient::Role("operator".into())));
        assert_eq!((plan.ladders[1].severities.len(), plan.ladders[1].reminders.clone()), (0, None));
        assert_eq!(read_plan("escalation.toml", "", &catalogue()).unwrap(), EscalationPlan::default());
    }

    #[test]
    fn every_mistake_is_told_with_its_line() {
        check(
            "[[escalation]]\nseverity = 'bad'\narea = '99'\nsteps = [\n{ after = '10m', to = 'forest' },\n\
             { after = '99d', to = 'duty:a b' },\n]\nreminders = { every = '1s', at_most = 0.5 }\nextra = 1\n",
            &[
                "2 escalation[0].severity: \"bad\" is not a severity",
                "3 escalation[0].area: there is no area \"99\"",
                "5 escalation[0].steps[0].to: \"forest\" is nobody",
                "6 escalation[0].steps[1].after: must be 0s to 31d",
                "6 escalation[0].steps[1].to: \"duty:a b\" is nobody",
                "8 escalation[0].reminders.every: must be 1m to 31d",
                "8 escalation[0].reminders.at_most: must be a whole number from 1 to 100",
                "9 escalation[0].extra: unknown key",
            ],
        );
        check("[[escalation]]\n", &["1 escalation[0].steps: is missing"]);
        check("[[escalation]]\nsteps = []\n", &["2 escalation[0].steps: must be a list of 1 to 20 steps"]);
        let order = "[[escalation]]\nsteps = [{ after = '2m', to = 'duty:a' }, { after = '1m', to = 'duty:b' }]\n";
        check(order, &["2 escalation[0].steps[1].after: must be later than the step before"]);
    }
}
