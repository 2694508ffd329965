//! The text of server-sent events (<https://html.spec.whatwg.org/multipage/server-sent-events.html>).

use std::time::Duration;

use axum::body::Bytes;
use serde::Serialize;

use crate::model::Seq;

/// Gathers events into one piece of text.
#[derive(Default)]
pub struct Events(Vec<u8>);

impl Events {
    /// Without any.
    pub fn new() -> Self {
        Self::default()
    }

    /// How long the peer shall wait before it reconnects.
    pub fn retry(&mut self, after: Duration) {
        self.0.extend_from_slice(format!("retry: {}\n\n", after.as_millis()).as_bytes());
    }

    /// Adds an event. JSON has no line breaks outside of texts, and escapes those inside: one `data` line is enough.
    pub fn add<T: Serialize>(&mut self, name: &str, id: Option<Seq>, body: &T) {
        let Ok(body) = serde_json::to_vec(body) else {
            // None of our documents has a key that is not a text, which is all that can go wrong.
            return;
        };
        self.add_written(name, id, &body);
    }

    /// The same with a body that is JSON already.
    pub fn add_written(&mut self, name: &str, id: Option<Seq>, body: &[u8]) {
        self.0.extend_from_slice(format!("event: {name}\n").as_bytes());
        if let Some(id) = id {
            self.0.extend_from_slice(format!("id: {id}\n").as_bytes());
        }
        self.0.extend_from_slice(b"data: ");
        self.0.extend_from_slice(body);
        self.0.extend_from_slice(b"\n\n");
    }

    /// The text.
    pub fn take(self) -> Bytes {
        Bytes::from(self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_event_is_one_block() {
        let mut events = Events::new();
        events.retry(Duration::from_secs(2));
        events.add("change", Some(Seq(7)), &"a\nb");
        events.add("alert", None, &1);
        let text = "retry: 2000\n\nevent: change\nid: 7\ndata: \"a\\nb\"\n\nevent: alert\ndata: 1\n\n";
        assert_eq!(events.take(), text.as_bytes());
    }
}
