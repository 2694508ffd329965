//! What is to be said against a sample before it is taken: suspicions of the automatic checks, and maintenance.
//!
//! Nothing is refused and nothing changed here: a value that is physically impossible was refused by `validate`; one
//! that is only suspicious is flagged. Flags are decided before the journal, under the pipeline's gate, from a
//! [`Judge`] that itself is changed only by what was journaled, in the journal's order. The derived state folds the
//! same entries into a judge of its own, which goes into its snapshots: after a restart the pipeline begins with a
//! copy of it. So live and replayed judges are equal, and so are their flags.

mod checks;
mod maintenance;

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::model::{Body, Catalogue, Corrections, Policy, Quality, Sample, Seq, StationNo, Timestamp};

pub use checks::{Checks, Found};
pub use maintenance::{Maintenance, WINDOWS_MAX};

/// The memory of one judge.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Judge {
    /// What is expected.
    policy: Arc<Policy>,
    checks: Checks,
    /// Where people work.
    pub maintenance: Maintenance,
}

impl Judge {
    /// The policy in force.
    pub fn policy(&self) -> &Policy {
        &self.policy
    }

    /// What is to be said of a sample that is about to be taken: flags to add, and whether the one before it was a
    /// spike. `station` is the sample's.
    #[inline]
    pub fn judge(&self, sample: &Sample, station: StationNo, received_at: Timestamp) -> Found {
        let maintained = self.maintenance.covers(station, sample.observed_at);
        let apart = if maintained { Quality::MAINTENANCE } else { Quality::GOOD };
        let found = self.checks.judge(&Sample { quality: sample.quality.with(apart), ..*sample }, received_at);
        Found { flags: found.flags.with(apart), ..found }
    }

    /// Remembers a sample that was taken, with its flags.
    #[inline]
    pub fn remember(&mut self, sample: &Sample, received_at: Timestamp) {
        self.checks.remember(sample, received_at);
    }

    /// Takes an entry of the journal. With it come the catalogues before and after it.
    pub fn apply(&mut self, seq: Seq, at: Timestamp, body: &Body, (before, catalogue): (&Catalogue, &Catalogue)) {
        match body {
            Body::Message(message) => {
                message.samples.iter().for_each(|sample| self.remember(sample, at));
            }
            Body::Policy(policy) => {
                self.policy = Arc::new(Policy::clone(policy));
                self.checks.link(catalogue, &self.policy);
            }
            Body::Catalogue(_) => self.checks.adopt(before, catalogue, &self.policy),
            Body::Maintenance(command) => self.maintenance.apply(seq, command, at),
            Body::Tick => self.maintenance.forget(at),
            // What the checks themselves correct was decided from what they remember.
            Body::Corrections(corrections) if corrections.author != Corrections::CHECKS => {
                corrections.samples.iter().for_each(|sample| self.checks.correct(sample));
            }
            Body::Rules(_)
            | Body::Devices(_)
            | Body::Outage(_)
            | Body::Corrections(_)
            | Body::Canary { .. }
            | Body::Command(_)
            | Body::Alert(_)
            | Body::Escalation(_)
            | Body::DeliveryFailed(_)
            | Body::Grouping(_) => {}
        }
    }

    /// Makes anew what a snapshot leaves out.
    pub fn link(&mut self, catalogue: &Catalogue) {
        self.checks.link(catalogue, &self.policy);
    }
}
