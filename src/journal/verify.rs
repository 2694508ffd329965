//! Reads a journal's directory for a person: is it whole, and what is in it. Changes nothing and takes no lock, so it
//! works beside the running service; a group that is being written just then is reported as a torn tail.

use std::path::Path;

use super::JournalError;
use super::body;
use super::disk::{Disk, RealDisk};
use super::recover::{Found, Purpose, note_holes, survey, without_twins};
use super::report::{Damages, Fault, Report, Torn};
use super::scan::scan;
use crate::model::{Entry, Seq};

/// Reads every record of every segment in `dir`.
pub fn verify(dir: &Path) -> Result<Report, JournalError> {
    verify_on(&RealDisk::look(dir)?)
}

/// The entries from `from` on, at most `limit`, as far as they can be read.
pub fn inspect(dir: &Path, from: Seq, limit: usize) -> Result<Vec<Entry>, JournalError> {
    let disk = RealDisk::look(dir)?;
    let survey = survey(&disk, Purpose::Look)?;
    let (found, _) = without_twins(survey.found, &mut Damages::default())?;
    let firsts: Vec<Seq> = found.iter().map(|found| found.header.first).collect();
    let mut entries = Vec::new();
    for (place, found) in found.iter().enumerate() {
        let next = firsts.get(place + 1).copied();
        if next.is_some_and(|next| next <= from) || entries.len() >= limit {
            continue;
        }
        let mut take = |seq: Seq, _: u64, body: &[u8]| {
            if seq >= from && entries.len() < limit {
                entries.extend(body::decode(seq, body));
            }
        };
        let judged = scan(&*found.file, &found.header, found.bytes, next, &mut take)
            .map_err(|error| JournalError::io("read", &found.name, error))?;
        if next.is_none() {
            // What is behind a tear was read on the way and is not part of the journal.
            let last = judged.kept.last.unwrap_or_default();
            entries.retain(|entry| entry.seq < found.header.first || entry.seq <= last);
        }
    }
    Ok(entries)
}

pub(super) fn verify_on(disk: &dyn Disk) -> Result<Report, JournalError> {
    let survey = survey(disk, Purpose::Look)?;
    let mut report = Report { segments: survey.found.len(), damaged: survey.damaged, ..Report::default() };
    let (found, _) = without_twins(survey.found, &mut report.damaged)?;
    let firsts: Vec<Seq> = found.iter().map(|found| found.header.first).collect();
    let mut behind: Option<Seq> = None;
    for (place, found) in found.iter().enumerate() {
        if let Some(from) = behind.filter(|next| *next < found.header.first) {
            let what = Fault::Missing { from, through: Seq(found.header.first.0 - 1) };
            report.damaged.note(&found.name, 0, what);
        }
        let next = firsts.get(place + 1).copied();
        let seen = look_through(found, next)?;
        // Recycled or removed while it was read: not damage, and nobody needs it any more.
        if !disk
            .list()
            .map_err(|error| JournalError::io("list", "the journal's directory", error))?
            .contains(&found.name)
        {
            report.segments -= 1;
            continue;
        }
        report.records += seen.records;
        report.damaged.append(seen.damaged);
        report.torn = seen.torn;
        if report.first == Seq(0) {
            report.first = seen.first;
        }
        report.last = report.last.max(seen.last);
        behind = Some(next.unwrap_or_default());
    }
    Ok(report)
}

fn look_through(found: &Found, next: Option<Seq>) -> Result<Report, JournalError> {
    let mut undecodable = Vec::new();
    let mut check = |seq: Seq, offset: u64, body: &[u8]| {
        if let Err(malformed) = body::decode(seq, body) {
            undecodable.push((seq, offset, malformed.0));
        }
    };
    let judged = scan(&*found.file, &found.header, found.bytes, next, &mut check)
        .map_err(|error| JournalError::io("read", &found.name, error))?;
    let mut report = Report {
        segments: 1,
        records: judged.kept.entries,
        first: judged.kept.first.unwrap_or_default(),
        last: judged.kept.last.unwrap_or_default(),
        torn: judged.tear.map(|(from, to)| Torn {
            file: found.name.clone(),
            offset: from,
            bytes: to - from,
            copy: None,
        }),
        damaged: Damages::default(),
    };
    note_holes(&found.name, &judged, &mut report.damaged);
    for (seq, offset, why) in undecodable.into_iter().filter(|(_, offset, _)| *offset < judged.kept.end) {
        report.damaged.note(&found.name, offset, Fault::Undecodable { seq, why });
    }
    Ok(report)
}
