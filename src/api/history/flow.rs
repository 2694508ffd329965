//! From a source to an answer: streamed whole, or one page of it.
//!
//! Without a limit everything is sent, read piece by piece as the peer takes it: an answer of any length costs one
//! piece of memory and no thread that waits. With a limit the page is read first, so that `next` is known.
//!
//! Who asks with `TE: trailers` is told what it takes to trust a file later: before the body, in the header
//! [`MANIFEST`], what was asked and from what it is answered; after it, in trailers, how many rows it had and the
//! SHA-256 of its bytes (before any content coding). They are counted over what was sent, not computed apart.

use std::io;
use std::sync::Arc;

use axum::body::{Body, Bytes};
use axum::http::header::{CACHE_CONTROL, CONTENT_DISPOSITION, CONTENT_TYPE, LINK, TE, TRAILER};
use axum::http::{HeaderMap, HeaderName, HeaderValue};
use axum::response::Response;
use futures_util::stream::{self, Stream};
use http_body_util::StreamBody;
use hyper::body::Frame;
use sha2::{Digest, Sha256};
use tokio::sync::Semaphore;

use super::super::headers::REVALIDATE;
use super::super::problem::{Code, Problem};
use super::parquet::ParquetError;
use super::source::{Columns, Source};
use super::table::{Format, Writer};
use crate::history::{History, HistoryError};

/// The header with what was asked and from what it is answered, as JSON in ASCII.
pub const MANIFEST: HeaderName = HeaderName::from_static("saola-manifest");
/// The trailer with the number of rows.
pub const ROWS: HeaderName = HeaderName::from_static("saola-rows");
/// The trailer with the SHA-256 of the body, in hexadecimal.
pub const SHA256: HeaderName = HeaderName::from_static("saola-sha256");

/// An answer could not be made.
#[derive(Debug, thiserror::Error)]
pub enum Failure {
    /// The past could not be read, or should not be.
    #[error(transparent)]
    History(#[from] HistoryError),
    /// The file could not be written.
    #[error("cannot write Parquet")]
    Parquet(#[from] ParquetError),
}

impl From<Failure> for Problem {
    fn from(failure: Failure) -> Problem {
        let Failure::History(error) = failure else { return Problem::internal(failure) };
        match &error {
            HistoryError::Range { .. } => Problem::parameter("from", error.to_string()),
            HistoryError::TooManyBuckets { .. } | HistoryError::TooManyInBucket { .. } => {
                Problem::new(Code::TooCostly, error.to_string())
            }
            HistoryError::TooCostly { .. } => Problem::new(Code::TooCostly, error.to_string()),
            HistoryError::Busy => Problem::new(Code::Unavailable, error.to_string()),
            HistoryError::Store(_) => Problem::internal(error),
        }
    }
}

/// Everything that an answer is made of.
pub struct Answer {
    /// The line in which pieces of history are read.
    pub turns: Arc<Semaphore>,
    /// Who reads.
    pub history: Arc<History>,
    /// What.
    pub source: Source,
    /// The columns of its buckets.
    pub columns: Columns,
    /// How it is written.
    pub writer: Writer,
    /// The same, as a word.
    pub format: Format,
    /// Rows at most.
    pub limit: Option<usize>,
    /// What was asked, for the manifest.
    pub about: String,
    /// The question, as a query without its place.
    pub asked: String,
    /// Name of the file, without its ending.
    pub name: &'static str,
}

/// Whether the request takes trailers.
pub fn takes_trailers(headers: &HeaderMap) -> bool {
    let values = headers.get_all(TE).iter().filter_map(|value| value.to_str().ok());
    values.flat_map(|value| value.split(',')).any(|word| word.trim().eq_ignore_ascii_case("trailers"))
}

/// Reads on a blocking thread, in turn: however many ask, only a few read at a time, and those who ask for years give
/// way to the others after each piece.
pub async fn in_turn<T: Send + 'static, E: Send + 'static>(
    turns: &Arc<Semaphore>,
    work: impl FnOnce() -> Result<T, E> + Send + 'static,
) -> Result<T, Problem>
where
    Problem: From<E>,
{
    let turn = Arc::clone(turns).acquire_owned().await.map_err(Problem::internal)?;
    // The turn ends with the work, not with whoever waits for it: a peer that has left frees nothing before.
    let turned = move || {
        let _turn = turn;
        work()
    };
    let done = tokio::task::spawn_blocking(turned).await;
    done.map_err(Problem::internal)?.map_err(Problem::from)
}

impl Answer {
    /// Sends it.
    pub async fn send(self, request: &HeaderMap) -> Result<Response, Problem> {
        let (format, name, about, asked) = (self.format, self.name, self.about.clone(), self.asked.clone());
        let (body, next) = match self.limit {
            None => (Body::new(StreamBody::new(flow(self))), None),
            Some(limit) => {
                let (pieces, next) = self.page(limit).await?;
                (Body::new(StreamBody::new(stream::iter(pieces.into_iter().map(Ok::<_, io::Error>)))), next)
            }
        };
        let mut response = Response::new(body);
        let headers = response.headers_mut();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static(format.media_type()));
        headers.insert(CACHE_CONTROL, REVALIDATE);
        if format == Format::Parquet {
            let file = HeaderValue::from_str(&format!("attachment; filename=\"{name}.parquet\""));
            headers.insert(CONTENT_DISPOSITION, file.map_err(Problem::internal)?);
        }
        let link = next.map(|next| format!("<?{asked}&next={next}>; rel=\"next\""));
        if let Some(link) = link.and_then(|link| HeaderValue::from_str(&link).ok()) {
            headers.insert(LINK, link);
        }
        if takes_trailers(request) {
            headers.insert(TRAILER, HeaderValue::from_static("saola-rows, saola-sha256"));
            headers.insert(MANIFEST, HeaderValue::from_str(&ascii(&about)).map_err(Problem::internal)?);
        }
        Ok(response)
    }

    /// At most `limit` rows, and where the next page begins. Others have their turn after each piece.
    async fn page(self, limit: usize) -> Result<(Vec<Frame<Bytes>>, Option<String>), Problem> {
        let turns = Arc::clone(&self.turns);
        let mut page = Page { answer: self, left: limit, next: None };
        loop {
            let (read, goes_on) = in_turn(&turns, move || {
                let goes_on = page.read()?;
                Ok::<_, Failure>((page, goes_on))
            })
            .await?;
            page = read;
            if !goes_on {
                break;
            }
        }
        let Page { mut answer, left, next } = page;
        answer.writer.end(next.as_deref()).map_err(Failure::from)?;
        let mut counted = Counted::default();
        counted.add((limit - left) as u64);
        let body = counted.pass(answer.writer.take());
        Ok((vec![Frame::data(body), counted.trailers()], next))
    }
}

/// A page that is being read.
struct Page {
    answer: Answer,
    /// Rows that may follow.
    left: usize,
    next: Option<String>,
}

impl Page {
    /// Reads a piece; whether there is more to read.
    fn read(&mut self) -> Result<bool, Failure> {
        let Answer { history, source, columns, writer, .. } = &mut self.answer;
        for _ in 0..EMPTY_STEPS_MAX {
            let Some(batch) = source.step(history)? else { return Ok(false) };
            let taken = batch.len().min(self.left);
            batch.write(taken, columns, writer)?;
            self.left -= taken;
            self.next = batch.place(taken).map(|place| place.text());
            if self.next.is_some() || taken > 0 {
                break;
            }
        }
        Ok(self.next.is_none())
    }
}

/// Rows and bytes that were sent.
#[derive(Default)]
struct Counted {
    rows: u64,
    digest: Sha256,
}

impl Counted {
    fn add(&mut self, rows: u64) {
        self.rows += rows;
    }

    fn pass(&mut self, bytes: Bytes) -> Bytes {
        self.digest.update(&bytes);
        bytes
    }

    fn trailers(self) -> Frame<Bytes> {
        let hex: String = self.digest.finalize().iter().map(|byte| format!("{byte:02x}")).collect();
        let mut trailers = HeaderMap::new();
        trailers.insert(ROWS, HeaderValue::from(self.rows));
        trailers.extend(HeaderValue::from_str(&hex).ok().map(|hex| (SHA256, hex)));
        Frame::trailers(trailers)
    }
}

/// What is left of a streamed answer.
enum Left {
    Rows(Box<(Answer, Counted)>),
    Trailers(Counted),
    Nothing,
}

/// The whole answer as a stream that reads on when the peer has taken what was read.
fn flow(answer: Answer) -> impl Stream<Item = Result<Frame<Bytes>, io::Error>> {
    stream::try_unfold(Left::Rows(Box::new((answer, Counted::default()))), |left| async move {
        let reading = match left {
            Left::Rows(reading) => reading,
            Left::Trailers(counted) => return Ok(Some((counted.trailers(), Left::Nothing))),
            Left::Nothing => return Ok(None),
        };
        let turns = Arc::clone(&reading.0.turns);
        match in_turn(&turns, move || piece(reading)).await {
            Ok((bytes, left)) => Ok(Some((Frame::data(bytes), left))),
            Err(problem) => {
                // The answer has begun: all that is left is to break it off, so that it cannot pass for whole.
                tracing::error!(?problem, "a history answer was broken off");
                Err(io::Error::other("the history cannot be read"))
            }
        }
    })
}

/// The next bytes: those of one batch, or of several while they come to nothing.
fn piece(mut reading: Box<(Answer, Counted)>) -> Result<(Bytes, Left), Failure> {
    let (answer, counted) = &mut *reading;
    for _ in 0..EMPTY_STEPS_MAX {
        let Some(batch) = answer.source.step(&answer.history)? else {
            answer.writer.end(None)?;
            let bytes = counted.pass(answer.writer.take());
            return Ok((bytes, Left::Trailers(std::mem::take(counted))));
        };
        batch.write(batch.len(), &answer.columns, &mut answer.writer)?;
        counted.add(batch.len() as u64);
        let bytes = counted.pass(answer.writer.take());
        if !bytes.is_empty() {
            return Ok((bytes, Left::Rows(reading)));
        }
    }
    // An empty piece gives way to others, and is not seen by the peer.
    Ok((Bytes::new(), Left::Rows(reading)))
}

/// Steps without anything to send before others have their turn.
const EMPTY_STEPS_MAX: usize = 16;

/// JSON with nothing but ASCII, as a header needs it.
fn ascii(json: &str) -> String {
    let mut text = String::with_capacity(json.len());
    for letter in json.chars() {
        if letter.is_ascii() {
            text.push(letter);
        } else {
            let mut units = [0; 2];
            letter.encode_utf16(&mut units).iter().for_each(|unit| text.push_str(&format!("\\u{unit:04x}")));
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn headers_hold_names_in_any_script() {
        let json = serde_json::json!({"name": "Xã Bum Tở 🦌"}).to_string();
        let text = ascii(&json);
        assert!(text.is_ascii(), "{text}");
        assert_eq!(
            serde_json::from_str::<serde_json::Value>(&text).unwrap(),
            serde_json::from_str::<serde_json::Value>(&json).unwrap()
        );
    }

    #[test]
    fn trailers_are_for_those_who_ask() {
        let check = |value: &'static str, expected: bool| {
            let headers = HeaderMap::from_iter([(TE, HeaderValue::from_static(value))]);
            assert_eq!(takes_trailers(&headers), expected, "{value}");
        };
        check("trailers", true);
        check("gzip, Trailers", true);
        check("gzip", false);
    }
}
