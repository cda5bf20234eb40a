//! One response, as it came from the wire.

use tidegate_units::Instant;

use super::date;

/// What is read of a response: borrowed, and as little checked as it came.
///
/// Names and values may be anything, and so may the body: what cannot be read is passed over. Of a
/// response only so much is looked at: see [`Response::HEADERS_MAX`], [`Response::VALUE_MAX`] and
/// [`Response::BODY_MAX`].
#[derive(Debug, Clone, Copy)]
pub struct Response<'a> {
    /// The HTTP status.
    pub status: u16,
    /// Names, in any case, and values, in the order of the lines.
    pub headers: &'a [(&'a str, &'a [u8])],
    /// What is there of the body; empty where it was not read.
    pub body: &'a [u8],
    /// When it arrived, by the wall clock here: an instant whose origin is 1970, UTC. It counts only
    /// where the service does not say what time it is.
    pub received_at: Instant,
}

impl Response<'_> {
    /// As many header lines as are looked at; services send 10 to 60.
    pub const HEADERS_MAX: usize = 256;

    /// The longest value of a header that is looked at, in bytes; the longest of a service's own has
    /// about 500.
    pub const VALUE_MAX: usize = 4_096;

    /// As much of a body as is looked at from its beginning, in bytes, and as much from its end: errors
    /// have a few hundred, and usage is said at the end of what is longer.
    pub const BODY_MAX: usize = 65_536;

    /// The instant of the wall clock that a text says, in any form that services write dates in.
    ///
    /// ```
    /// use tidegate_adaptive::Response;
    ///
    /// let header = Response::instant("Sun, 27 Sep 2026 12:00:00 GMT");
    /// assert_eq!(header, Response::instant("2026-09-27T14:00:00+02:00"));
    /// assert_eq!(Response::instant("noon"), None);
    /// ```
    pub fn instant(text: &str) -> Option<Instant> {
        date::instant(text)
    }
}
