//! `classify`: which of some labels fits a text.
//!
//! ```yaml
//! classify:
//!   classifier: sentiment   # one of `classifiers`, with labels of its own; or an encoder with examples:
//!   encoder: minilm         # one of `encoders`
//!   labels:
//!     refund: [I want my money back, "The charge is wrong, please pay it back"]
//!     delivery: [Where is my parcel?]
//!   input: question         # the variable that holds the text
//!   output: label           # the variable that is written
//!   scores: scores          # the other one: the score of each label
//!   threshold: 0.4          # below it the best label does not count; default: it always does
//!   otherwise: other        # the label of a text that no other fits
//! ```

#![expect(
    clippy::wildcard_enum_match_arm,
    reason = "whatever else a node is, it is wrong here"
)]

use super::common::{single, texts, variable};
use crate::payload::names;
use crate::spec::fault::Faults;
use crate::spec::node::{Node, Value};
use crate::spec::read;
use crate::spec::section::Section;
use crate::stage::classify::{ClassifyBy, ClassifyOptions, LabelThreshold};

/// Labels with their examples.
type Labels = Vec<(String, Vec<String>)>;

/// Reads the section `path`.
pub(super) fn read(path: &str, node: &Node, faults: &mut Faults) -> Option<ClassifyOptions> {
    let before = faults.list.len();
    let mut keys = Section::open(path, node, faults);
    let f = faults;
    let by = by(&mut keys, f);
    let input = keys.take("input", f, variable);
    let output = keys.take("output", f, variable);
    let scores = keys.take("scores", f, variable);
    let output = output.unwrap_or_else(|| names::LABEL.to_owned());
    let scores = scores.unwrap_or_else(|| names::SCORES.to_owned());
    if output == scores {
        let message = format!("`{}` and `output` are both `{output}`", keys.path("scores"));
        f.note(keys.at(), message);
    }
    let threshold = threshold(&mut keys, f);
    // With a faulty label there may be others.
    if f.list.len() == before
        && let (Some(ClassifyBy::Examples { labels, .. }), None) = (&by, &threshold)
        && let ([(only, _)], Some(node)) = (labels.as_slice(), keys.node("labels"))
    {
        let path = keys.path("labels");
        let message = format!(
            "`{path}`: every text is `{only}`; add a label, or `threshold` and `otherwise`"
        );
        f.note(node.at, message);
    }
    keys.finish(f);
    if f.list.len() > before {
        return None;
    }
    Some(ClassifyOptions {
        by: by?,
        input: input.unwrap_or_else(|| names::QUESTION.to_owned()),
        output,
        scores,
        threshold,
    })
}

/// `classifier`, or `encoder` and `labels`.
fn by(keys: &mut Section<'_>, f: &mut Faults) -> Option<ClassifyBy> {
    let classifier = keys.take("classifier", f, read::text);
    let encoder = keys.take("encoder", f, read::text);
    let labels_node = keys.node("labels");
    let labels = labels_node.map(|node| labels(&keys.path("labels"), node, f));
    if keys.node("classifier").is_some() {
        for key in ["encoder", "labels"] {
            if let Some(node) = keys.node(key) {
                let path = keys.path(key);
                let message =
                    format!("`{path}` and `classifier` exclude each other; leave one out");
                f.note(node.at, message);
            }
        }
        return classifier.map(ClassifyBy::Classifier);
    }
    match (keys.node("encoder"), &labels) {
        (None, None) => keys.miss("classifier", "name one, or an `encoder` with `labels`"),
        (None, Some(_)) => keys.miss("encoder", "write for example `encoder: minilm`"),
        (Some(_), None) => {
            let example = "write for example `labels: {refund: [I want my money back]}`";
            keys.miss("labels", example);
        }
        (Some(_), Some(_)) => {}
    }
    Some(ClassifyBy::Examples {
        encoder: encoder?,
        labels: labels?,
    })
}

/// Names, each with a text or a list of texts.
fn labels(path: &str, node: &Node, f: &mut Faults) -> Labels {
    let expected = "labels, each with a text or a list of texts";
    let Value::Map(map) = &node.value else {
        let message = format!("`{path}` must hold {expected}, but is {}", node.shown());
        f.note(node.at, message);
        return Labels::new();
    };
    let mut labels = Labels::new();
    for (key, value) in map {
        let name = match &key.value {
            Value::Text(name) if !name.is_empty() => name,
            _ => {
                let message = format!("`{path}`: a label is a text, but is {}", key.shown());
                f.note(key.at, message);
                continue;
            }
        };
        match texts(value) {
            Ok(examples) if !examples.is_empty() => labels.push((name.clone(), examples)),
            _ => {
                let name = name.escape_debug();
                let message = format!(
                    "`{path}.{name}` must be a text or a list of texts, but is {}",
                    value.shown()
                );
                f.note(value.at, message);
            }
        }
    }
    if map.is_empty() {
        f.note(node.at, format!("`{path}` is empty; it holds {expected}"));
    }
    labels
}

/// `threshold` and `otherwise`, which need each other.
fn threshold(keys: &mut Section<'_>, f: &mut Faults) -> Option<LabelThreshold> {
    let share = read::number("a number from 0 to 1", |v| (0.0..=1.0).contains(&v));
    let least = keys.take("threshold", f, share).map(single);
    let otherwise = keys.take("otherwise", f, read::text);
    match (keys.node("threshold"), keys.node("otherwise")) {
        (Some(_), None) => keys.miss("otherwise", "write for example `otherwise: other`"),
        (None, Some(_)) => keys.miss("threshold", "without it `otherwise` does nothing"),
        (None, None) | (Some(_), Some(_)) => {}
    }
    Some(LabelThreshold {
        least: least?,
        otherwise: otherwise?,
    })
}

#[cfg(test)]
mod tests {
    use crate::payload::Kind;
    use crate::spec::StageSpec;
    use crate::spec::stages::tests::read;
    use crate::stage::classify::{ClassifyBy, ClassifyOptions, LabelThreshold};

    #[test]
    fn a_classifier_or_examples_are_read() {
        let stage = read("classify: {classifier: moods}").unwrap();
        assert_eq!((stage.classifier(), stage.encoder()), (Some("moods"), None));
        let StageSpec::Classify(options) = stage else {
            panic!()
        };
        let by_default = ClassifyOptions {
            by: ClassifyBy::Classifier("moods".to_owned()),
            input: "question".to_owned(),
            output: "label".to_owned(),
            scores: "scores".to_owned(),
            threshold: None,
        };
        assert_eq!(*options, by_default);
        let yaml = "classify: {encoder: minilm, labels: {refund: [I want my money back, Pay back], b: c}, \
                    input: text, output: topic, scores: topics, threshold: 0.5, otherwise: other}";
        let stage = read(yaml).unwrap();
        assert_eq!(
            (stage.classifier(), stage.encoder()),
            (None, Some("minilm"))
        );
        assert_eq!(stage.signature().reads["text"], Kind::Text);
        assert_eq!(stage.signature().writes["topic"], Kind::Text);
        assert_eq!(stage.signature().writes["topics"], Kind::Object);
        let StageSpec::Classify(options) = stage else {
            panic!()
        };
        let ClassifyBy::Examples { labels, .. } = &options.by else {
            panic!()
        };
        let money = ["I want my money back", "Pay back"].map(str::to_owned);
        let wanted = [
            ("refund".to_owned(), money.to_vec()),
            ("b".to_owned(), vec!["c".to_owned()]),
        ];
        assert_eq!(labels, &wanted);
        let threshold = LabelThreshold {
            least: 0.5,
            otherwise: "other".to_owned(),
        };
        assert_eq!(options.threshold, Some(threshold));
    }

    #[test]
    fn what_is_wrong_is_told_at_its_place() {
        for (yaml, said) in [
            (
                "classify: {}",
                "1:11: `d.classify.classifier` is missing; name one, or an `encoder` with `labels`",
            ),
            (
                "classify: {encoder: a}",
                "1:11: `d.classify.labels` is missing; write for example `labels: {refund: [I want my money back]}`",
            ),
            (
                "classify: {labels: {a: b, c: d}}",
                "1:11: `d.classify.encoder` is missing; write for example `encoder: minilm`",
            ),
            (
                "classify: {classifier: a, labels: {b: c}}",
                "1:35: `d.classify.labels` and `classifier` exclude each other; leave one out",
            ),
            (
                "classify: {encoder: a, labels: [b]}",
                "1:32: `d.classify.labels` must hold labels, each with a text or a list of texts, but is a list",
            ),
            (
                "classify: {encoder: a, labels: {}}",
                "1:32: `d.classify.labels` is empty; it holds labels, each with a text or a list of texts",
            ),
            (
                "classify: {encoder: a, labels: {b: c, d: []}}",
                "1:42: `d.classify.labels.d` must be a text or a list of texts, but is a list",
            ),
            (
                "classify: {encoder: a, labels: {b: c}}",
                "1:32: `d.classify.labels`: every text is `b`; add a label, or `threshold` and `otherwise`",
            ),
            (
                "classify: {classifier: a, threshold: 0.5}",
                "1:11: `d.classify.otherwise` is missing; write for example `otherwise: other`",
            ),
            (
                "classify: {classifier: a, otherwise: b}",
                "1:11: `d.classify.threshold` is missing; without it `otherwise` does nothing",
            ),
            (
                "classify: {classifier: a, threshold: 2, otherwise: b}",
                "1:38: `d.classify.threshold` must be a number from 0 to 1, but is `2`",
            ),
            (
                "classify: {classifier: a, output: scores}",
                "1:11: `d.classify.scores` and `output` are both `scores`",
            ),
        ] {
            assert_eq!(read(yaml).unwrap_err(), format!("a.yaml:{said}"), "{yaml}");
        }
    }
}
