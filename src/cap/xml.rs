//! XML that is well formed whatever the texts hold: what XML 1.0 cannot carry at all becomes U+FFFD.

use std::borrow::Cow;
use std::io;

use quick_xml::Writer;
use quick_xml::events::{BytesDecl, BytesEnd, BytesStart, BytesText, Event};

/// A document that grows; two spaces for each level.
pub(super) struct Sheet(Writer<Vec<u8>>);

impl Sheet {
    /// With the declaration and the root's beginning.
    pub(super) fn begin(root: &str, namespace: &str) -> io::Result<Sheet> {
        let mut sheet = Sheet(Writer::new_with_indent(Vec::new(), b' ', 2));
        sheet.0.write_event(Event::Decl(BytesDecl::new("1.0", Some("UTF-8"), None)))?;
        sheet.0.write_event(Event::Start(BytesStart::new(root).with_attributes([("xmlns", namespace)])))?;
        Ok(sheet)
    }

    /// An element around what `inside` writes.
    pub(super) fn element(&mut self, name: &str, inside: impl FnOnce(&mut Sheet) -> io::Result<()>) -> io::Result<()> {
        self.0.write_event(Event::Start(BytesStart::new(name)))?;
        inside(self)?;
        self.0.write_event(Event::End(BytesEnd::new(name)))
    }

    /// An element with a text.
    pub(super) fn text(&mut self, name: &str, text: &str) -> io::Result<()> {
        self.0.create_element(name).write_text_content(BytesText::new(&sayable(text)))?;
        Ok(())
    }

    /// The same, unless the text is empty.
    pub(super) fn text_if_any(&mut self, name: &str, text: &str) -> io::Result<()> {
        if text.trim().is_empty() { Ok(()) } else { self.text(name, text) }
    }

    /// An element with attributes and nothing inside.
    pub(super) fn empty(&mut self, name: &str, attributes: &[(&str, &str)]) -> io::Result<()> {
        let clean: Vec<(&str, Cow<'_, str>)> = attributes.iter().map(|(name, text)| (*name, sayable(text))).collect();
        let attributes = clean.iter().map(|(name, text)| (*name, text.as_ref()));
        self.0.create_element(name).with_attributes(attributes).write_empty()?;
        Ok(())
    }

    /// The bytes, with the root's end.
    pub(super) fn end(mut self, root: &str) -> io::Result<Vec<u8>> {
        self.0.write_event(Event::End(BytesEnd::new(root)))?;
        let mut bytes = self.0.into_inner();
        bytes.push(b'\n');
        Ok(bytes)
    }
}

/// XML 1.0, production 2: the characters that a document may hold. A carriage return would come back as a line feed.
fn sayable(text: &str) -> Cow<'_, str> {
    let is_wrong = |letter: char| matches!(letter, '\u{0}'..='\u{8}' | '\u{b}'..='\u{1f}' | '\u{fffe}' | '\u{ffff}');
    if text.contains(is_wrong) { Cow::Owned(text.replace(is_wrong, "\u{fffd}")) } else { Cow::Borrowed(text) }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use quick_xml::Reader;

    use super::*;

    fn read_back(xml: &[u8]) -> String {
        let mut reader = Reader::from_reader(xml);
        let mut text = String::new();
        loop {
            match reader.read_event().unwrap() {
                Event::Eof => return text,
                Event::Text(part) => text += &part.xml10_content(),
                Event::GeneralRef(name) => match name.resolve_char_ref().unwrap() {
                    Some(letter) => text.push(letter),
                    None => text += quick_xml::escape::resolve_predefined_entity(&name).unwrap(),
                },
                _ => {}
            }
        }
    }

    proptest! {
        #[test]
        fn any_text_comes_back(text in "(\\PC|[<>&\"'\\]\n\t\u{0}\u{1b}\u{fffe}]|]]>|<!--|&amp;|&#0;){0,40}") {
            let mut sheet = Sheet::begin("a", "urn:a").unwrap();
            sheet.text("b", &text).unwrap();
            let xml = sheet.end("a").unwrap();
            let (found, expected) = (read_back(&xml), sayable(&text));
            prop_assert_eq!(found.trim(), expected.trim());
        }
    }
}
