//! Cuts the bytes of a streamed answer into events, a chunk at a time.
//!
//! Two forms are told apart by the first byte that is no space: a list or a row of JSON objects opens
//! with `[` or `{`, everything else is a stream of server-sent events. Both are state machines over
//! single bytes, so that it does not matter where a chunk ends: not in a character, not between a
//! carriage return and its line feed.
//!
//! # Invariants
//!
//! - USE-1: what is given out depends on the bytes alone, not on the chunks.

/// What the bytes are cut into.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Part<'a> {
    /// Some bytes of the event under way.
    Data(&'a [u8]),
    /// The name of the event under way begins, whatever it was called before.
    Named,
    /// A byte of that name.
    Name(u8),
    /// The event is whole.
    End,
}

/// Where in the stream the next byte is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum At {
    /// Before the first byte that tells the form; so many bytes of a byte order mark were seen.
    Start(usize),
    /// Server-sent events: in the name of a field, of which so many bytes are held.
    Field(usize),
    /// After its colon, where one space is left out.
    Colon(Field),
    Value(Field),
    /// JSON: between two objects.
    Between,
    /// In an object, `depth` brackets deep.
    Object {
        depth: u32,
        quoted: bool,
        escaped: bool,
    },
}

/// A field of a server-sent event.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Field {
    Data,
    Event,
    Other,
}

/// The longest name of a field that means anything here, and one byte, so that a longer one is told.
const FIELD_MAX: usize = 6;

const BYTE_ORDER_MARK: [u8; 3] = [0xEF, 0xBB, 0xBF];

/// A machine that is fed bytes and calls back with the parts of events.
#[derive(Debug)]
pub(super) struct Frames {
    at: At,
    field: [u8; FIELD_MAX],
    /// The last byte was a carriage return, so that a line feed now belongs to it.
    returned: bool,
    /// The event under way has a line of data already.
    has_data: bool,
}

impl Frames {
    pub(super) const fn new() -> Self {
        Self { at: At::Start(0), field: [0; FIELD_MAX], returned: false, has_data: false }
    }

    /// Takes a chunk.
    pub(super) fn feed(&mut self, chunk: &[u8], mut give: impl FnMut(Part<'_>)) {
        let mut rest = chunk;
        while let Some((byte, after)) = rest.split_first() {
            let run = self.run(rest);
            if run > 0 {
                let (data, beyond) = rest.split_at(run);
                give(Part::Data(data));
                self.returned = false;
                rest = beyond;
                continue;
            }
            self.step(*byte, &mut give);
            rest = after;
        }
    }

    /// How many of the next bytes are plain data, in which nothing begins or ends.
    fn run(&self, rest: &[u8]) -> usize {
        let until = |ends: fn(&u8) -> bool| rest.iter().position(ends).unwrap_or(rest.len());
        match self.at {
            At::Value(Field::Data) => until(|byte| matches!(byte, b'\r' | b'\n')),
            At::Object { quoted: true, escaped: false, .. } => {
                until(|byte| matches!(byte, b'"' | b'\\' | b'\n'))
            }
            _ => 0,
        }
    }

    fn step(&mut self, byte: u8, give: &mut impl FnMut(Part<'_>)) {
        match self.at {
            At::Start(seen) => self.start(seen, byte, give),
            At::Between | At::Object { .. } => self.json(byte, give),
            At::Field(_) | At::Colon(_) | At::Value(_) => self.line(byte, give),
        }
    }

    fn start(&mut self, seen: usize, byte: u8, give: &mut impl FnMut(Part<'_>)) {
        if BYTE_ORDER_MARK.get(seen) == Some(&byte) {
            self.at = At::Start(seen + 1);
        } else if matches!(byte, b'{' | b'[') {
            self.at = At::Between;
            self.json(byte, give);
        } else if !byte.is_ascii_whitespace() {
            self.at = At::Field(0);
            self.line(byte, give);
        }
    }

    fn json(&mut self, byte: u8, give: &mut impl FnMut(Part<'_>)) {
        let At::Object { depth, quoted, escaped } = self.at else {
            if byte == b'{' {
                self.at = At::Object { depth: 1, quoted: false, escaped: false };
                give(Part::Data(&[byte]));
            }
            return;
        };
        if quoted && byte == b'\n' {
            // No text of JSON holds a bare line feed: this object is broken, the next line may not be.
            self.at = At::Between;
            return give(Part::End);
        }
        give(Part::Data(&[byte]));
        let depth = match byte {
            b'{' | b'[' if !quoted => depth.saturating_add(1),
            b'}' | b']' if !quoted => depth - 1,
            _ => depth,
        };
        if depth == 0 {
            self.at = At::Between;
            return give(Part::End);
        }
        let quoted = quoted != (byte == b'"' && !escaped);
        self.at = At::Object { depth, quoted, escaped: quoted && !escaped && byte == b'\\' };
    }

    fn line(&mut self, byte: u8, give: &mut impl FnMut(Part<'_>)) {
        let follows = std::mem::replace(&mut self.returned, byte == b'\r');
        match (byte, self.at) {
            (b'\n', _) if follows => {}
            (b'\r' | b'\n', At::Field(0)) => self.end(give),
            (b'\r' | b'\n', at) => {
                // A field without a colon is one with an empty value.
                if let At::Field(held) = at {
                    self.open(held, give);
                }
                self.at = At::Field(0);
            }
            (b':', At::Field(held)) => self.open(held, give),
            (_, At::Field(held)) => {
                if let Some(place) = self.field.get_mut(held) {
                    *place = byte;
                }
                self.at = At::Field((held + 1).min(FIELD_MAX));
            }
            (b' ', At::Colon(field)) => self.at = At::Value(field),
            (_, At::Colon(field) | At::Value(field)) => {
                self.at = At::Value(field);
                match field {
                    Field::Data => give(Part::Data(&[byte])),
                    Field::Event => give(Part::Name(byte)),
                    Field::Other => {}
                }
            }
            (_, At::Start(_) | At::Between | At::Object { .. }) => {}
        }
    }

    /// The name of a field is over: what follows is its value.
    fn open(&mut self, held: usize, give: &mut impl FnMut(Part<'_>)) {
        let field = match &self.field[..held] {
            b"data" => Field::Data,
            b"event" => Field::Event,
            _ => Field::Other,
        };
        match field {
            Field::Data if std::mem::replace(&mut self.has_data, true) => give(Part::Data(b"\n")),
            Field::Event => give(Part::Named),
            Field::Data | Field::Other => {}
        }
        self.at = At::Colon(field);
    }

    fn end(&mut self, give: &mut impl FnMut(Part<'_>)) {
        self.has_data = false;
        give(Part::End);
    }
}
