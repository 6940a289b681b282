//! Values with units or bounds: each rejects invalid input with the reason.

use albumen_core::vocabulary::PreviewSize;
use serde::de::{Deserialize, Deserializer, Error, Visitor};
use std::fmt;
use std::str::FromStr;

/// Bytes, written `256M`, `1.5G`, `64 MiB` or as a number. K, M and G are powers of 1024, as in `ulimit` and cgroups.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Bytes(pub u64);

impl FromStr for Bytes {
    type Err = String;

    fn from_str(text: &str) -> Result<Bytes, String> {
        let refuse = || format!("`{text}` is no size; write it like 256M or 1G");
        let (number, unit) = split_unit(text).ok_or_else(refuse)?;
        let unit = match unit.to_ascii_lowercase().as_str() {
            "" | "b" => 1u64,
            "k" | "kb" | "kib" => 1 << 10,
            "m" | "mb" | "mib" => 1 << 20,
            "g" | "gb" | "gib" => 1 << 30,
            "t" | "tb" | "tib" => 1 << 40,
            _ => return Err(refuse()),
        };
        let bytes = number * unit as f64;
        // Above 2^53 a float cannot represent every byte; 8 PiB is not a realistic value.
        if bytes > (1u64 << 53) as f64 {
            Err(format!("`{text}` is too much"))
        } else {
            Ok(Bytes(bytes.round() as u64))
        }
    }
}

/// Memory limit of the engine and its children: [`Bytes`] of at least [`Memory::LEAST`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Memory(u64);

impl Memory {
    /// Documented in the contract: 64M is the minimum.
    pub const LEAST: u64 = 64 << 20;

    pub fn new(bytes: u64) -> Result<Memory, String> {
        if bytes < Memory::LEAST {
            return Err(format!("{} MiB of memory are too little; 64M is the least", bytes >> 20));
        }
        Ok(Memory(bytes))
    }

    pub fn bytes(self) -> u64 {
        self.0
    }
}

impl FromStr for Memory {
    type Err = String;

    fn from_str(text: &str) -> Result<Memory, String> {
        Memory::new(text.parse::<Bytes>()?.0)
    }
}

/// A duration, written `90s`, `10m`, `2h`, `30 days`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Duration(std::time::Duration);

impl Duration {
    pub const fn from_secs(seconds: u64) -> Duration {
        Duration(std::time::Duration::from_secs(seconds))
    }

    pub const fn from_days(days: u64) -> Duration {
        Duration::from_secs(days * 86_400)
    }

    pub fn get(self) -> std::time::Duration {
        self.0
    }

    pub fn as_secs(self) -> u64 {
        self.0.as_secs()
    }
}

impl FromStr for Duration {
    type Err = String;

    fn from_str(text: &str) -> Result<Duration, String> {
        /// A hundred years: longer values are mistakes, and the limit keeps sums with the present time in range.
        const LONGEST_S: f64 = 36_525.0 * 86_400.0;
        let refuse = || format!("`{text}` is no length of time; write it like 90s, 10m, 2h or 30 days");
        let (number, unit) = split_unit(text).ok_or_else(refuse)?;
        let unit = match unit {
            "ms" => 0.001,
            "s" | "sec" | "second" | "seconds" => 1.0,
            "m" | "min" | "minute" | "minutes" => 60.0,
            "h" | "hour" | "hours" => 3600.0,
            "d" | "day" | "days" => 86_400.0,
            "w" | "week" | "weeks" => 7.0 * 86_400.0,
            // `0` is the same in every unit; any other number needs one.
            "" if number == 0.0 => 1.0,
            _ => return Err(refuse()),
        };
        if number * unit > LONGEST_S {
            return Err(format!("`{text}` is too long"));
        }
        Ok(Duration(std::time::Duration::from_secs_f64(number * unit)))
    }
}

/// A fraction, written `20%` or as a number from 0 to 1.
#[derive(Debug, Clone, Copy, PartialEq, PartialOrd)]
pub struct Share(f64);

impl Share {
    pub const fn percent(percent: u32) -> Share {
        Share(percent as f64 / 100.0)
    }

    /// 0 to 1.
    pub fn get(self) -> f64 {
        self.0
    }
}

impl FromStr for Share {
    type Err = String;

    fn from_str(text: &str) -> Result<Share, String> {
        let value = match split_unit(text) {
            Some((number, "%")) => Some(number / 100.0),
            Some((number, "")) => Some(number),
            _ => None,
        };
        let in_range = value.filter(|v| (0.0..=1.0).contains(v));
        in_range.map(Share).ok_or_else(|| format!("`{text}` is no share; write it like 20%, from 0% to 100%"))
    }
}

/// libjpeg's quality, 1 to 100.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Quality(u8);

impl Quality {
    pub const fn get(self) -> u8 {
        self.0
    }
}

impl Default for Quality {
    fn default() -> Self {
        Quality(80)
    }
}

impl FromStr for Quality {
    type Err = String;

    fn from_str(text: &str) -> Result<Quality, String> {
        let quality = text.parse().ok().filter(|q| (1..=100).contains(q));
        quality.map(Quality).ok_or_else(|| format!("`{text}` is no quality; it goes from 1 to 100"))
    }
}

/// `full`, or the long edge in pixels.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Preview(PreviewSize);

impl Preview {
    pub fn get(self) -> PreviewSize {
        self.0
    }
}

impl Default for Preview {
    fn default() -> Self {
        Preview(PreviewSize::LongEdge(2560))
    }
}

impl FromStr for Preview {
    type Err = String;

    fn from_str(text: &str) -> Result<Preview, String> {
        /// Below, a preview would be smaller than the `m` thumbnail; above is the limit of JPEG (65,535 pixels).
        const EDGES: std::ops::RangeInclusive<u32> = 320..=65_500;
        if text == "full" {
            return Ok(Preview(PreviewSize::Full));
        }
        let edge = text.parse().ok().filter(|edge| EDGES.contains(edge));
        let refuse =
            || format!("`{text}` is no preview size; write \"full\" or a long edge from 320 to 65500 pixels");
        edge.map(|edge| Preview(PreviewSize::LongEdge(edge))).ok_or_else(refuse)
    }
}

/// A time of day, written `22:00`. Minutes since midnight.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct TimeOfDay(u16);

impl TimeOfDay {
    pub fn minutes(self) -> u16 {
        self.0
    }
}

impl FromStr for TimeOfDay {
    type Err = String;

    fn from_str(text: &str) -> Result<TimeOfDay, String> {
        let digits = |s: &str| s.bytes().all(|b| b.is_ascii_digit()) && (1..=2).contains(&s.len());
        text.split_once(':')
            .filter(|(h, m)| digits(h) && digits(m) && m.len() == 2)
            .and_then(|(h, m)| Some((h.parse::<u16>().ok()?, m.parse::<u16>().ok()?)))
            .filter(|(h, m)| *h < 24 && *m < 60 || (*h, *m) == (24, 0))
            .map(|(h, m)| TimeOfDay(h * 60 + m))
            .ok_or_else(|| format!("`{text}` is no time of day; write it like 22:00"))
    }
}

/// A nonnegative number, and the unit after it.
fn split_unit(text: &str) -> Option<(f64, &str)> {
    let text = text.trim();
    let end = text.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(text.len());
    let number: f64 = text[..end].parse().ok()?;
    number.is_finite().then(|| (number, text[end..].trim_start()))
}

/// Deserialises a string or a number, so that `memory = "256M"` and `quality = 80` both work; the error has the line.
struct Written<T>(std::marker::PhantomData<T>, &'static str);

impl<'de, T: FromStr<Err = String>> Visitor<'de> for Written<T> {
    type Value = T;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.1)
    }
    fn visit_str<E: Error>(self, text: &str) -> Result<T, E> {
        text.parse().map_err(E::custom)
    }
    fn visit_i64<E: Error>(self, number: i64) -> Result<T, E> {
        number.to_string().parse().map_err(E::custom)
    }
    fn visit_f64<E: Error>(self, number: f64) -> Result<T, E> {
        number.to_string().parse().map_err(E::custom)
    }
}

macro_rules! written {
    ($($name:ident: $what:literal),* $(,)?) => {$(
        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                deserializer.deserialize_any(Written(std::marker::PhantomData, $what))
            }
        }
    )*};
}

written! {
    Bytes: "a size such as \"1M\"",
    Memory: "a size such as \"256M\"",
    Duration: "a length of time such as \"10m\"",
    Share: "a share such as \"20%\"",
    Quality: "a quality from 1 to 100",
    Preview: "\"full\" or a long edge in pixels",
    TimeOfDay: "a time of day such as \"22:00\"",
}
