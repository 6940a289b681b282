//! MPEG transport and program streams: the first pictures' headers.

use super::Findings;
use super::bytes::Reader;
use super::movie::Movie;

pub fn read_transport(_reader: &Reader) -> Findings {
    Findings { movie: Some(Movie::default()), ..Findings::default() }
}

pub fn read_program(_reader: &Reader) -> Findings {
    Findings { movie: Some(Movie::default()), ..Findings::default() }
}
