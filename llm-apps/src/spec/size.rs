//! Sizes in bytes, as people write them.

use std::fmt;
use std::str::FromStr;

/// A number of bytes, written as `512MiB`, `1GiB`, `64kB` or a plain number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ByteSize(pub u64);

const UNITS: [(&str, u64); 9] = [
    ("TiB", 1 << 40),
    ("GiB", 1 << 30),
    ("MiB", 1 << 20),
    ("KiB", 1 << 10),
    ("TB", 1_000_000_000_000),
    ("GB", 1_000_000_000),
    ("MB", 1_000_000),
    ("kB", 1_000),
    ("B", 1),
];

impl ByteSize {
    /// The size as a count in memory, if this machine can address so many.
    pub fn to_usize(self) -> Option<usize> {
        usize::try_from(self.0).ok()
    }
}

impl FromStr for ByteSize {
    type Err = String;

    /// A decimal number, which may have a fraction, and a unit; without a unit it counts bytes.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let wrong = || "a size such as 512MiB, 1.5GiB or 64kB".to_owned();
        let trimmed = text.trim();
        let split = trimmed
            .find(|c: char| !c.is_ascii_digit() && c != '.')
            .unwrap_or(trimmed.len());
        let (number, unit) = trimmed.split_at(split);
        let unit = unit.trim_start();
        let scale = match unit {
            "" => 1,
            _ => UNITS
                .iter()
                .find(|(name, _)| name.eq_ignore_ascii_case(unit))
                .map(|(_, scale)| *scale)
                .ok_or_else(wrong)?,
        };
        let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
        if fraction.len() > 9 || (whole.is_empty() && fraction.is_empty()) {
            return Err(wrong());
        }
        let parse = |digits: &str| match digits {
            "" => Ok(0),
            _ => digits.parse::<u64>().map_err(|_| wrong()),
        };
        let parts = 10_u128.pow(u32::try_from(fraction.len()).map_err(|_| wrong())?);
        let value = u128::from(parse(whole)?) * parts + u128::from(parse(fraction)?);
        let bytes = value.checked_mul(scale.into()).ok_or_else(wrong)? / parts;
        u64::try_from(bytes).map(Self).map_err(|_| wrong())
    }
}

impl fmt::Display for ByteSize {
    /// The largest binary unit that gives a whole number, or one decimal.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let binary = UNITS.iter().take(4);
        for (name, scale) in binary {
            if self.0 >= *scale {
                let whole = self.0 / scale;
                let tenths = (self.0 % scale) * 10 / scale;
                return match tenths {
                    0 => write!(f, "{whole} {name}"),
                    _ => write!(f, "{whole}.{tenths} {name}"),
                };
            }
        }
        write!(f, "{} B", self.0)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn sizes_are_read_as_people_write_them() {
        let cases = [
            ("512MiB", Some(512 << 20)),
            ("1GiB", Some(1 << 30)),
            ("1.5 gib", Some(3 << 29)),
            ("64kB", Some(64_000)),
            ("0.5KiB", Some(512)),
            ("1234", Some(1234)),
            ("16777215TiB", Some(u64::MAX - (1 << 40) + 1)),
            ("16777216TiB", None),
            ("", None),
            (".", None),
            ("GiB", None),
            ("-1GiB", None),
            ("1GX", None),
            ("1.2.3MiB", None),
            ("99999999999999999999", None),
        ];
        for (text, expected) in cases {
            assert_eq!(text.parse().ok(), expected.map(ByteSize), "{text}");
        }
    }

    #[test]
    fn sizes_print_in_the_unit_that_fits() {
        let printed = |bytes| ByteSize(bytes).to_string();
        assert_eq!(printed(1 << 30), "1 GiB");
        assert_eq!(printed(3 << 29), "1.5 GiB");
        assert_eq!(printed(98_362_432), "93.8 MiB");
        assert_eq!(printed(12), "12 B");
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(256))]

        #[test]
        fn any_count_of_bytes_is_read_back(bytes: u64) {
            prop_assert_eq!(format!("{bytes}").parse(), Ok(ByteSize(bytes)));
        }

        #[test]
        fn no_text_panics(text in "[0-9.]{0,22} ?[a-zA-Z]{0,4}") {
            drop(text.parse::<ByteSize>());
        }
    }
}
