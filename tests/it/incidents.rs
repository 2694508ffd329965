//! The shipped plan of incidents over the shipped rules and stations.

use std::path::Path;

use saola::incidents::{Plan, plan};
use saola::model::RuleFile;

fn shipped(name: &str) -> RuleFile {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("config").join(name);
    RuleFile { name: name.to_owned(), text: std::fs::read_to_string(path).unwrap() }
}

fn read(files: &[RuleFile]) -> Plan {
    Plan::read(files).unwrap_or_else(|mistakes| {
        let lines: Vec<String> = mistakes.iter().map(ToString::to_string).collect();
        panic!("{}", lines.join("\n"))
    })
}

#[test]
fn the_shipped_plan_is_valid_and_speaks_both_languages() {
    let plan = read(&[shipped(plan::GROUPS_FILE), shipped(plan::HEAT_SOURCES_FILE)]);
    assert!(plan.groups.len() >= 10);
    let gateway = plan.gateway.as_ref().unwrap();
    for title in plan.groups.iter().map(|group| &group.title).chain([&gateway.title]) {
        assert!(!title.vi.is_ascii(), "{}", title.vi);
        assert_ne!(title.vi, title.en);
    }
    assert!(plan.group("fire").unwrap().plume.is_some() && plan.group("fire").unwrap().masked);
    assert!(plan.heat_sources.is_empty(), "no register was found: none is made up");
}

#[test]
fn a_cause_leads_to_one_group() {
    let plan = read(&[shipped(plan::GROUPS_FILE)]);
    let mut causes: Vec<_> = plan.groups.iter().flat_map(|group| &group.causes).collect();
    let count = causes.len();
    causes.sort();
    causes.dedup();
    assert_eq!(causes.len(), count, "a cause in two groups reaches the first alone");
}

#[test]
fn the_example_in_the_shipped_file_can_be_used_as_it_stands() {
    let RuleFile { name, text } = shipped(plan::HEAT_SOURCES_FILE);
    let from = text.find("# [[heat_source]]").unwrap();
    let text: String = text[from..].lines().map(|line| format!("{}\n", line.trim_start_matches("# "))).collect();
    assert_eq!(read(&[RuleFile { name, text }]).heat_sources.len(), 1);
}
