//! Values as an operator writes them: durations ("55s") and sizes ("4MiB") with a unit or as plain integers, rates ("50/s"), texts, lists, flags.

use std::ops::RangeInclusive;
use std::time::Duration;

use toml::Spanned;
use toml::de::{DeString, DeTable, DeValue};

use crate::network::rate::Rate;

/// A value as it stands in the file or in an environment variable, before anybody knows what it is for.
#[derive(Clone, PartialEq, Debug)]
pub(super) enum Raw {
    Text(String),
    Integer(i64),
    Flag(bool),
    List(Vec<Raw>),
    Table(Vec<(String, Raw)>),
    Other(&'static str),
}

/// A type that a key may have.
pub(super) trait Value: Sized {
    fn parse(raw: &Raw) -> Result<Self, String>;

    /// As it would be written in the file.
    fn show(&self) -> String;
}

/// A number of bytes.
#[derive(Clone, Copy, PartialEq, PartialOrd, Debug)]
pub(super) struct Size(pub(super) usize);

/// From the smallest unit up; the first is that of a plain integer. Ends of words are matched, so the longer names come first where one ends another.
const DURATIONS: [(&str, u64); 5] = [("ms", 1), ("s", 1000), ("m", 60_000), ("h", 3_600_000), ("d", 86_400_000)];
const SIZES: [(&str, u64); 7] = [
    ("KiB", 1 << 10),
    ("MiB", 1 << 20),
    ("GiB", 1 << 30),
    ("kB", 1000),
    ("MB", 1_000_000),
    ("GB", 1_000_000_000),
    ("B", 1),
];

/// What a rate counts in.
const PERIODS: [(&str, Duration); 3] = [
    ("s", Duration::from_secs(1)),
    ("m", Duration::from_secs(60)),
    ("h", Duration::from_secs(3600)),
];

impl Raw {
    pub(super) fn from_toml(value: &DeValue<'_>) -> Self {
        match value {
            DeValue::String(text) => Self::Text(text.to_string()),
            DeValue::Integer(number) => {
                i64::from_str_radix(number.as_str(), number.radix()).map_or(Self::Other("integer beyond 64 bits"), Self::Integer)
            }
            DeValue::Boolean(flag) => Self::Flag(*flag),
            DeValue::Array(items) => Self::List(items.iter().map(|item| Self::from_toml(item.get_ref())).collect()),
            DeValue::Table(table) => {
                let entry = |(key, value): (&Spanned<DeString<'_>>, &Spanned<DeValue<'_>>)| {
                    (key.get_ref().to_string(), Self::from_toml(value.get_ref()))
                };
                Self::Table(table.iter().map(entry).collect())
            }
            other => Self::Other(other.type_str()),
        }
    }

    /// An environment variable may hold TOML (`2`, `true`, `["a", "b"]`); anything else is a text (`50s`).
    pub(super) fn from_variable(text: &str) -> Self {
        let document = format!("value = {text}");
        let parsed = DeTable::parse(&document).ok();
        let value = parsed.as_ref().and_then(|table| table.get_ref().get("value"));
        value.map_or_else(|| Self::Text(text.to_owned()), |value| Self::from_toml(value.get_ref()))
    }

    pub(super) fn show(&self) -> String {
        match self {
            Self::Text(text) => format!("{text:?}"),
            Self::Integer(number) => number.to_string(),
            Self::Flag(flag) => flag.to_string(),
            Self::List(_) => "a list".to_owned(),
            Self::Table(_) => "a table".to_owned(),
            Self::Other(what) => (*what).to_owned(),
        }
    }
}

impl Value for Duration {
    fn parse(raw: &Raw) -> Result<Self, String> {
        let millis = match raw {
            Raw::Integer(seconds) => u64::try_from(*seconds).ok().and_then(|s| s.checked_mul(1000)),
            Raw::Text(text) => with_unit(text, &DURATIONS),
            _ => None,
        };
        millis
            .map(Self::from_millis)
            .ok_or_else(|| format!("{} is not a duration such as \"55s\", \"500ms\", \"2m\"", raw.show()))
    }

    fn show(&self) -> String {
        let millis = u64::try_from(self.as_millis()).unwrap_or(u64::MAX);
        let fits = |(_, unit): &&(&str, u64)| millis.is_multiple_of(*unit) && millis > 0;
        let (name, unit) = DURATIONS.iter().rfind(fits).unwrap_or(&DURATIONS[1]);
        format!("\"{}{name}\"", millis / unit)
    }
}

impl Value for Size {
    fn parse(raw: &Raw) -> Result<Self, String> {
        let bytes = match raw {
            Raw::Integer(bytes) => u64::try_from(*bytes).ok(),
            Raw::Text(text) => with_unit(text, &SIZES),
            _ => None,
        };
        let size = bytes.and_then(|bytes| usize::try_from(bytes).ok());
        size.map(Self).ok_or_else(|| {
            format!(
                "{} is not a size such as \"64KiB\", \"4MiB\" or a number of bytes",
                raw.show()
            )
        })
    }

    fn show(&self) -> String {
        let fits = |(_, unit): &&(&str, u64)| (self.0 as u64).is_multiple_of(*unit) && self.0 > 0;
        match SIZES[..3].iter().rfind(fits) {
            Some((name, unit)) => format!("\"{}{name}\"", self.0 as u64 / unit),
            None => self.0.to_string(),
        }
    }
}

impl Value for Rate {
    fn parse(raw: &Raw) -> Result<Self, String> {
        let read = |text: &String| {
            let (events, unit) = text.split_once('/')?;
            let (_, period) = PERIODS.iter().find(|(name, _)| *name == unit.trim_start())?;
            let events = events.trim_end().parse().ok().filter(|events| *events > 0)?;
            Some(Self { events, period: *period })
        };
        let rate = if let Raw::Text(text) = raw { read(text) } else { None };
        rate.ok_or_else(|| format!("{} is not a rate such as \"50/s\" or \"3000/m\"", raw.show()))
    }

    fn show(&self) -> String {
        let name = PERIODS
            .iter()
            .find(|(_, period)| *period == self.period)
            .map_or("s", |(name, _)| name);
        format!("\"{}/{name}\"", self.events)
    }
}

impl Value for usize {
    fn parse(raw: &Raw) -> Result<Self, String> {
        let number = if let Raw::Integer(number) = raw {
            Self::try_from(*number).ok()
        } else {
            None
        };
        number.ok_or_else(|| format!("{} is not a number", raw.show()))
    }

    fn show(&self) -> String {
        self.to_string()
    }
}

impl Value for u8 {
    fn parse(raw: &Raw) -> Result<Self, String> {
        usize::parse(raw)?
            .try_into()
            .map_err(|_| format!("{} is above 255", raw.show()))
    }

    fn show(&self) -> String {
        self.to_string()
    }
}

impl Value for bool {
    fn parse(raw: &Raw) -> Result<Self, String> {
        if let Raw::Flag(flag) = raw {
            Ok(*flag)
        } else {
            Err(format!("{} is neither true nor false", raw.show()))
        }
    }

    fn show(&self) -> String {
        self.to_string()
    }
}

impl Value for String {
    fn parse(raw: &Raw) -> Result<Self, String> {
        if let Raw::Text(text) = raw {
            Ok(text.clone())
        } else {
            Err(format!("{} is not a text in quotes", raw.show()))
        }
    }

    fn show(&self) -> String {
        format!("{self:?}")
    }
}

impl<T: Value> Value for Vec<T> {
    /// A text is a list with commas: that is how one writes it in an environment variable.
    fn parse(raw: &Raw) -> Result<Self, String> {
        match raw {
            Raw::List(items) => items.iter().map(T::parse).collect(),
            Raw::Text(text) => text
                .split(',')
                .map(|item| T::parse(&Raw::Text(item.trim().to_owned())))
                .collect(),
            _ => Err(format!("{} is not a list", raw.show())),
        }
    }

    fn show(&self) -> String {
        format!("[{}]", self.iter().map(Value::show).collect::<Vec<_>>().join(", "))
    }
}

/// A table of exactly these keys, each at most once; those without a value are absent.
pub(super) fn entries<'r, const N: usize>(raw: &'r Raw, keys: [&str; N]) -> Result<[Option<&'r Raw>; N], String> {
    let Raw::Table(table) = raw else {
        return Err(format!("{} is not a table with {}", raw.show(), keys.join(", ")));
    };
    if let Some((unknown, _)) = table.iter().find(|(key, _)| !keys.contains(&key.as_str())) {
        return Err(format!("{unknown:?} is none of {}", keys.join(", ")));
    }
    Ok(keys.map(|key| table.iter().find(|(name, _)| name == key).map(|(_, value)| value)))
}

/// One of a few names.
pub(super) fn choice<T: Copy>(raw: &Raw, choices: &[(&str, T)]) -> Result<T, String> {
    let text = String::parse(raw)?;
    let found = choices.iter().find(|(name, _)| *name == text).map(|(_, choice)| *choice);
    let names = || choices.iter().map(|(name, _)| *name).collect::<Vec<_>>().join(", ");
    found.ok_or_else(|| format!("{text:?} is not one of {}", names()))
}

/// The name of a choice, as it would be written in the file.
pub(super) fn name<T: PartialEq>(choice: T, choices: &[(&str, T)]) -> String {
    let name = choices
        .iter()
        .find(|(_, candidate)| *candidate == choice)
        .map_or("", |(name, _)| name);
    format!("{name:?}")
}

/// A check that accepts everything.
pub(super) fn any<T>(_: &T) -> Result<(), String> {
    Ok(())
}

/// A check of a time that the sessions count in seconds; none at all is allowed.
pub(super) fn seconds_or_none(value: &Duration) -> Result<(), String> {
    if value.subsec_nanos() == 0 && value.as_secs() <= u16::MAX.into() {
        Ok(())
    } else {
        Err(format!(
            "{} is not a number of whole seconds up to {}",
            value.show(),
            u16::MAX
        ))
    }
}

/// A check of bounds, both included.
pub(super) fn within<T: Value + PartialOrd>(range: RangeInclusive<T>) -> impl Fn(&T) -> Result<(), String> {
    move |value| {
        let outside = || {
            format!(
                "{} is not between {} and {}",
                value.show(),
                range.start().show(),
                range.end().show()
            )
        };
        if range.contains(value) { Ok(()) } else { Err(outside()) }
    }
}

fn with_unit(text: &str, units: &[(&str, u64)]) -> Option<u64> {
    let (digits, unit) = units.iter().find_map(|(name, unit)| Some((text.strip_suffix(name)?, unit)))?;
    digits.trim_end().parse::<u64>().ok()?.checked_mul(*unit)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn duration(text: &str) -> Result<Duration, String> {
        Duration::parse(&Raw::from_variable(text))
    }

    #[test]
    fn durations_have_units() {
        assert_eq!(duration("55s"), Ok(Duration::from_secs(55)));
        assert_eq!(duration("55"), Ok(Duration::from_secs(55)));
        assert_eq!(duration("\"500ms\""), Ok(Duration::from_millis(500)));
        assert_eq!(duration("2m"), Ok(Duration::from_secs(120)));
        for bad in ["50x", "-1", "s", "1.5s", "true", "99999999999999999999s"] {
            assert!(duration(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn some_times_are_whole_seconds_or_none() {
        for (text, fits) in [
            ("0s", true),
            ("1s", true),
            ("65535s", true),
            ("65536s", false),
            ("500ms", false),
        ] {
            assert_eq!(seconds_or_none(&duration(text).expect("a duration")).is_ok(), fits, "{text}");
        }
    }

    #[test]
    fn sizes_have_units() {
        let size = |text: &str| Size::parse(&Raw::from_variable(text)).map(|size| size.0);
        assert_eq!(size("4MiB"), Ok(4 << 20));
        assert_eq!(size("1048576"), Ok(1 << 20));
        assert_eq!(size("10 kB"), Ok(10_000));
        assert!(size("4M").is_err());
    }

    #[test]
    fn rates_have_a_period() {
        let rate = |text: &str| Rate::parse(&Raw::from_variable(text));
        assert_eq!(rate("50/s"), Ok(Rate::per_second(50)));
        assert_eq!(rate("\"3000/m\"").map(|rate| rate.show()), Ok("\"3000/m\"".to_owned()));
        for bad in ["50", "0/s", "/s", "50/d", "-1/s", "1.5/s", "off", "99999999999/s", "50/"] {
            assert!(rate(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn shown_as_written() {
        assert_eq!(Duration::from_secs(55).show(), "\"55s\"");
        assert_eq!(Duration::from_secs(120).show(), "\"2m\"");
        assert_eq!(Duration::ZERO.show(), "\"0s\"");
        assert_eq!(Size(4 << 20).show(), "\"4MiB\"");
        assert_eq!(Size(10_001).show(), "10001");
    }

    #[test]
    fn lists_in_variables() {
        let list = |text: &str| Vec::<String>::parse(&Raw::from_variable(text));
        assert_eq!(list("[\"a\", \"b\"]"), Ok(vec!["a".to_owned(), "b".to_owned()]));
        assert_eq!(list("a, b"), Ok(vec!["a".to_owned(), "b".to_owned()]));
        assert!(list("7").is_err());
    }
}
