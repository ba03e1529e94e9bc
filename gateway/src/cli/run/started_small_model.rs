//! What is said of an encoder or a classifier.

use std::fmt;

use gateway::{SmallModel, SmallModelEntry};

/// One small model that is ready.
#[derive(Debug, Clone)]
pub(in crate::cli) struct StartedSmallModel {
    /// The name that clients send as `model`.
    pub(in crate::cli) name: String,
    /// What comes out, in words.
    pub(in crate::cli) makes: String,
    /// Longest text in tokens.
    pub(in crate::cli) max_seq_length: usize,
    /// Where it is asked, and with what.
    pub(in crate::cli) asked: &'static str,
}

/// Labels that are named.
const NAMED: usize = 8;

impl StartedSmallModel {
    pub(in crate::cli) fn of(entry: &SmallModelEntry) -> Self {
        let (makes, max_seq_length, asked) = match &entry.model {
            SmallModel::Encoder(encoder) => (
                format!("vectors of {} numbers", encoder.dimension()),
                encoder.max_seq_length(),
                "/v1/embeddings",
            ),
            SmallModel::Classifier(classifier) => (
                match classifier.labels() {
                    [_] => "a score for each pair of texts".to_owned(),
                    labels if labels.len() <= NAMED => labels.join(", "),
                    labels => format!("{}, ... ({})", labels[..NAMED].join(", "), labels.len()),
                },
                classifier.max_seq_length(),
                "/v1/classify",
            ),
        };
        Self {
            name: entry.name.clone(),
            makes,
            max_seq_length,
            asked,
        }
    }

    /// A command to try it with.
    pub(in crate::cli) fn command(&self, url: &str) -> String {
        format!(
            "curl {url}{} -H 'content-type: application/json' -d '{{\"model\": \"{}\", \
             \"input\": \"The mill grinds corn.\"}}'",
            self.asked, self.name
        )
    }
}

impl fmt::Display for StartedSmallModel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "\n  {}", self.name)?;
        writeln!(f, "    {:<9} {}", "makes", self.makes)?;
        writeln!(f, "    {:<9} up to {} tokens", "texts", self.max_seq_length)
    }
}
