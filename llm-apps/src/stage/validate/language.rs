//! Which language an answer is in.

use thiserror::Error;
use whatlang::Lang;

/// The languages that an answer may be in. A text of which the language cannot be told with confidence
/// (a short one, a list of names, code) is taken as it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Languages(Vec<Lang>);

/// A code that is none.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("`{0}` is no language that can be told; use a code such as en, de or fr (ISO 639)")]
pub struct UnknownLanguage(pub String);

impl Languages {
    /// Languages by their codes of two or three letters (ISO 639-1 or 639-3).
    ///
    /// # Errors
    /// [`UnknownLanguage`] for the first that cannot be told.
    pub fn new<'a>(codes: impl IntoIterator<Item = &'a str>) -> Result<Self, UnknownLanguage> {
        let lang = |code: &str| {
            let long = SHORT.iter().find(|(short, _)| *short == code);
            Lang::from_code(long.map_or(code, |(_, long)| long))
                .ok_or_else(|| UnknownLanguage(code.to_owned()))
        };
        codes
            .into_iter()
            .map(lang)
            .collect::<Result<_, _>>()
            .map(Self)
    }

    /// What is wrong with an answer, if it is in another language.
    pub(super) fn fault(&self, answer: &str) -> Option<String> {
        let found = whatlang::detect(answer).filter(whatlang::Info::is_reliable)?;
        if self.0.contains(&found.lang()) {
            return None;
        }
        let names: Vec<_> = self.0.iter().map(|lang| lang.eng_name()).collect();
        let found = found.lang().eng_name();
        Some(format!(
            "the answer is in {found}, but must be in {}",
            names.join(" or ")
        ))
    }
}

/// ISO 639-1 codes of the languages that can be told, with their ISO 639-3 codes. Norwegian is Bokmål,
/// Chinese is Mandarin, Persian is Western Persian.
const SHORT: &[(&str, &str)] = &[
    ("af", "afr"),
    ("ak", "aka"),
    ("am", "amh"),
    ("ar", "ara"),
    ("az", "aze"),
    ("be", "bel"),
    ("bg", "bul"),
    ("bn", "ben"),
    ("ca", "cat"),
    ("cs", "ces"),
    ("cy", "cym"),
    ("da", "dan"),
    ("de", "deu"),
    ("el", "ell"),
    ("en", "eng"),
    ("eo", "epo"),
    ("es", "spa"),
    ("et", "est"),
    ("fa", "pes"),
    ("fi", "fin"),
    ("fr", "fra"),
    ("gu", "guj"),
    ("he", "heb"),
    ("hi", "hin"),
    ("hr", "hrv"),
    ("hu", "hun"),
    ("hy", "hye"),
    ("id", "ind"),
    ("it", "ita"),
    ("ja", "jpn"),
    ("jv", "jav"),
    ("ka", "kat"),
    ("km", "khm"),
    ("kn", "kan"),
    ("ko", "kor"),
    ("la", "lat"),
    ("lt", "lit"),
    ("lv", "lav"),
    ("mk", "mkd"),
    ("ml", "mal"),
    ("mr", "mar"),
    ("my", "mya"),
    ("nb", "nob"),
    ("ne", "nep"),
    ("nl", "nld"),
    ("no", "nob"),
    ("or", "ori"),
    ("pa", "pan"),
    ("pl", "pol"),
    ("pt", "por"),
    ("ro", "ron"),
    ("ru", "rus"),
    ("si", "sin"),
    ("sk", "slk"),
    ("sl", "slv"),
    ("sn", "sna"),
    ("sr", "srp"),
    ("sv", "swe"),
    ("ta", "tam"),
    ("te", "tel"),
    ("th", "tha"),
    ("tk", "tuk"),
    ("tl", "tgl"),
    ("tr", "tur"),
    ("uk", "ukr"),
    ("ur", "urd"),
    ("uz", "uzb"),
    ("vi", "vie"),
    ("yi", "yid"),
    ("zh", "cmn"),
    ("zu", "zul"),
];
