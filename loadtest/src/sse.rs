//! A reader of server-sent events, byte by byte by the standard
//! (<https://html.spec.whatwg.org/multipage/server-sent-events.html>), and strict where browsers
//! forgive: text that is not UTF-8, an event without an end, or one without a bound is an error.

use std::mem;

use thiserror::Error;

/// Longest line, and longest data of one event, in bytes.
pub(crate) const LIMIT: usize = 8 << 20;

/// One event.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Event {
    /// Its type; empty for the usual one.
    pub(crate) event: String,
    /// Its data lines, with a line feed between them.
    pub(crate) data: String,
}

/// What a server did wrong.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub(crate) enum SseError {
    #[error("a line of the stream is not UTF-8")]
    NotUtf8,
    #[error("an event of the stream is longer than {LIMIT} bytes")]
    TooLong,
    #[error("the stream ends within an event")]
    Unfinished,
}

/// Turns bytes into events, however they are cut.
#[derive(Debug, Default)]
pub(crate) struct SseReader {
    line: Vec<u8>,
    /// The last byte was a carriage return, so a line feed that follows is not a line of its own.
    after_return: bool,
    /// The first line is over, and with it the place for a byte order mark.
    begun: bool,
    event: String,
    /// Each data line with a line feed behind it.
    data: String,
}

impl SseReader {
    /// Reads `bytes` and appends the events that they complete.
    pub(crate) fn push(&mut self, bytes: &[u8], events: &mut Vec<Event>) -> Result<(), SseError> {
        for &byte in bytes {
            let after_return = mem::replace(&mut self.after_return, byte == b'\r');
            match byte {
                b'\n' if after_return => {}
                b'\n' | b'\r' => events.extend(self.end_line()?),
                _ if self.line.len() == LIMIT => return Err(SseError::TooLong),
                _ => self.line.push(byte),
            }
        }
        Ok(())
    }

    /// Ends the stream. An event that lacks its blank line was cut off.
    pub(crate) fn finish(&self) -> Result<(), SseError> {
        if self.line.is_empty() && self.data.is_empty() && self.event.is_empty() {
            return Ok(());
        }
        Err(SseError::Unfinished)
    }

    fn end_line(&mut self) -> Result<Option<Event>, SseError> {
        let bytes = mem::take(&mut self.line);
        let mut line = str::from_utf8(&bytes).map_err(|_| SseError::NotUtf8)?;
        if !mem::replace(&mut self.begun, true) {
            line = line.strip_prefix('\u{feff}').unwrap_or(line);
        }
        if line.is_empty() {
            return Ok(self.dispatch());
        }
        let (field, value) = line.split_once(':').unwrap_or((line, ""));
        let value = value.strip_prefix(' ').unwrap_or(value);
        match field {
            "event" => value.clone_into(&mut self.event),
            "data" if self.data.len() + value.len() >= LIMIT => return Err(SseError::TooLong),
            "data" => {
                self.data.push_str(value);
                self.data.push('\n');
            }
            // Comments have no field; ids and reconnection times are of no use here.
            _ => {}
        }
        Ok(None)
    }

    /// A blank line ends an event; one without data is none.
    fn dispatch(&mut self) -> Option<Event> {
        let event = mem::take(&mut self.event);
        let mut data = mem::take(&mut self.data);
        // Removes the last line feed, if there is any data at all.
        data.pop()?;
        Some(Event { event, data })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn read(pieces: &[&[u8]]) -> Result<Vec<Event>, SseError> {
        let (mut reader, mut events) = (SseReader::default(), Vec::new());
        for piece in pieces {
            reader.push(piece, &mut events)?;
        }
        reader.finish()?;
        Ok(events)
    }

    fn data(stream: &str) -> Vec<String> {
        let events = read(&[stream.as_bytes()]).unwrap();
        events.into_iter().map(|event| event.data).collect()
    }

    #[test]
    fn every_kind_of_line_end_counts() {
        for end in ["\n", "\r", "\r\n"] {
            let stream = ["data: a", "data: b", "", ": comment", "data:c", "", ""].join(end);
            assert_eq!(data(&stream), ["a\nb", "c"], "{end:?}");
        }
    }

    #[test]
    fn fields_are_read_by_the_standard() {
        assert_eq!(data("data:  two spaces\n\n"), [" two spaces"]);
        assert_eq!(
            data("data\n\n"),
            [""],
            "a field without a colon has an empty value"
        );
        assert_eq!(data("data: a: b\n\n"), ["a: b"]);
        assert_eq!(
            data("id: 7\nretry: 3\nother: x\n\n"),
            [""; 0],
            "no data, no event"
        );
        assert_eq!(data("\u{feff}data: a\n\n"), ["a"]);
        assert_eq!(data("\n\n:keep-alive\n\n\ndata: a\n\n"), ["a"]);
        let events = read(&[b"event: error\ndata: a\n\ndata: b\n\n"]).unwrap();
        assert_eq!(
            (events[0].event.as_str(), events[1].event.as_str()),
            ("error", "")
        );
    }

    #[test]
    fn sloppy_streams_are_refused() {
        assert_eq!(read(&[b"data: a\n"]), Err(SseError::Unfinished));
        assert_eq!(read(&[b"data: a"]), Err(SseError::Unfinished));
        assert_eq!(read(&[b"data: \xff\n\n"]), Err(SseError::NotUtf8));
        let endless = vec![b'x'; LIMIT + 1];
        assert_eq!(read(&[&endless]), Err(SseError::TooLong));
        let line = [b"data: ".as_slice(), &vec![b'x'; LIMIT / 2], b"\n"].concat();
        assert_eq!(read(&[&line, &line, &line]), Err(SseError::TooLong));
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(512))]
        #[test]
        fn it_does_not_matter_where_the_stream_is_cut(
            lines in prop::collection::vec("(data|event|id|)(: ?|)[a-z: é😀]{0,6}|", 0..12),
            ends in prop::collection::vec(prop::sample::select(vec!["\n", "\r", "\r\n"]), 12),
            cuts in prop::collection::vec(any::<prop::sample::Index>(), 0..6),
        ) {
            let stream: String = lines.iter().zip(ends).flat_map(|(line, end)| [line.as_str(), end]).collect();
            let stream = stream.as_bytes();
            let mut cuts: Vec<usize> = cuts.iter().map(|cut| cut.index(stream.len() + 1)).collect();
            cuts.extend([0, stream.len()]);
            cuts.sort_unstable();
            let pieces: Vec<&[u8]> = cuts.windows(2).map(|w| &stream[w[0]..w[1]]).collect();
            prop_assert_eq!(read(&pieces), read(&[stream]));
        }
    }
}
