//! People in the field: what their phones know of alerts, and what they reported.
//!
//! ```text
//!  alerts in sight --what the cursor does not know, as much as the budget holds--> phone
//!  phone --reports, perhaps days late, perhaps twice--> book --> the journal, as any other word about an alert
//! ```
//!
//! A cursor ([`cursor`]) carries what the phone has, so that nothing is kept here of who has what. The book ([`book`])
//! has every report that reached an alert, with its answer and its photo: a repeat is answered as the first was.

pub mod book;
pub mod cursor;
pub mod photo;

pub use book::{Action, Book, BookError, Kept, Report};
pub use cursor::{Cursor, Ref, Stamp};
pub use photo::MediaType;
