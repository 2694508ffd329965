//! The list of messages as an Atom feed (RFC 4287), in pages (RFC 5005).
//!
//! Links are relative to the feed's own address, so that no host name has to be believed. Identifiers are UUIDs made of
//! the sender and the message's identifier (RFC 9562, version 8).

use std::io;

use sha2::{Digest, Sha256};

use super::message::{Message, time_text};
use super::words::{self, Language};
use super::xml::Sheet;
use super::{About, Config};
use crate::model::Timestamp;

const NAMESPACE: &str = "http://www.w3.org/2005/Atom";

/// One message in the list.
pub struct Entry<'a> {
    /// The message.
    pub message: &'a Message,
    /// What it says.
    pub about: &'a About<'a>,
    /// Its address, relative to the feed's.
    pub address: String,
}

/// A page of the list.
pub struct Feed<'a> {
    /// Newest first.
    pub entries: Vec<Entry<'a>>,
    /// Address of this page, relative to itself.
    pub own: String,
    /// Address of the page with older messages.
    pub next: Option<String>,
    /// When anything about the list changed.
    pub updated: Timestamp,
}

impl Feed<'_> {
    /// As XML.
    pub fn write(&self, config: &Config) -> io::Result<Vec<u8>> {
        let mut sheet = Sheet::begin("feed", NAMESPACE)?;
        sheet.text("id", &urn(&config.sender, "feed"))?;
        sheet.text("title", "Cảnh báo / Alerts (CAP 1.2)")?;
        let feed = config.feed.words();
        let within = format!("Trong {} gần nhất / of the last {}", feed.vi, feed.en);
        sheet.text("subtitle", &within)?;
        sheet.text("updated", &time_text(self.updated))?;
        let author = if config.sender_name.is_empty() { &config.sender } else { &config.sender_name };
        sheet.element("author", |sheet| sheet.text("name", author))?;
        let kind = "application/atom+xml";
        sheet.empty("link", &[("rel", "self"), ("type", kind), ("href", &self.own)])?;
        if let Some(next) = &self.next {
            sheet.empty("link", &[("rel", "next"), ("type", kind), ("href", next)])?;
        }
        for entry in &self.entries {
            sheet.element("entry", |sheet| entry.write(sheet, config))?;
        }
        sheet.end("feed")
    }
}

impl Entry<'_> {
    fn write(&self, sheet: &mut Sheet, config: &Config) -> io::Result<()> {
        let Entry { message, about, address } = self;
        let [vietnamese, english] = Language::ALL.map(|language| words::headline(message, about, language));
        sheet.text("id", &urn(&config.sender, &message.id))?;
        sheet.text("title", &format!("{vietnamese} / {english}"))?;
        sheet.text("updated", &time_text(message.sent))?;
        sheet.text("published", &time_text(message.sent))?;
        sheet.empty("category", &[("term", message.kind.word())])?;
        sheet.empty("category", &[("term", words::severity(message.severity))])?;
        sheet.empty("link", &[("rel", "alternate"), ("type", "application/cap+xml"), ("href", address)])?;
        let [vietnamese, english] = Language::ALL.map(|language| words::description(message, about, language));
        sheet.text("summary", &format!("{vietnamese} / {english}"))
    }
}

fn urn(sender: &str, id: &str) -> String {
    let digest = Sha256::new().chain_update(sender).chain_update([0]).chain_update(id).finalize();
    let mut bytes = [0; 16];
    bytes.copy_from_slice(&digest[..16]);
    bytes[6] = bytes[6] & 0x0f | 0x80;
    bytes[8] = bytes[8] & 0x3f | 0x80;
    let hex: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
    format!("urn:uuid:{}-{}-{}-{}-{}", &hex[..8], &hex[8..12], &hex[12..16], &hex[16..20], &hex[20..])
}
