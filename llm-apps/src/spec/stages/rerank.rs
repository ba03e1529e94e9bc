//! `rerank`: passages in the order in which they answer.
//!
//! ```yaml
//! rerank:
//!   classifier: cross-encoder   # one of `classifiers`, for pairs and with one label; or `encoder: minilm`
//!   query: question             # the variable that holds what is to be answered
//!   passages: passages          # the variable that is ordered
//!   top_k: 3                    # passages at most; default: all
//!   score_threshold: 0.2        # below it a passage is dropped; default: none is
//! ```

use super::common::{single, variable};
use crate::payload::names;
use crate::spec::fault::Faults;
use crate::spec::node::Node;
use crate::spec::read;
use crate::spec::section::Section;
use crate::stage::rerank::{RerankBy, RerankOptions};

/// Most passages that are asked for.
const MOST: usize = 1024;

/// Reads the section `path`.
pub(super) fn read(path: &str, node: &Node, faults: &mut Faults) -> Option<RerankOptions> {
    let mut keys = Section::open(path, node, faults);
    let f = faults;
    let classifier = keys.take("classifier", f, read::text);
    let encoder = keys.take("encoder", f, read::text);
    if let (Some(_), Some(_), Some(node)) = (&classifier, &encoder, keys.node("encoder")) {
        let path = keys.path("encoder");
        let message = format!("`{path}` and `classifier` exclude each other; leave one out");
        f.note(node.at, message);
    }
    let by = match (classifier, encoder) {
        (Some(name), _) => Some(RerankBy::Classifier(name)),
        (None, Some(name)) => Some(RerankBy::Encoder(name)),
        (None, None) => None,
    };
    if by.is_none()
        && ["classifier", "encoder"]
            .iter()
            .all(|key| keys.node(key).is_none())
    {
        keys.miss("classifier", "name a classifier for pairs, or an `encoder`");
    }
    let query = keys.take("query", f, variable);
    let passages = keys.take("passages", f, variable);
    let top_k = keys.take("top_k", f, read::integer(1..=MOST));
    let share = read::number("a number from -1 to 1", |v| (-1.0..=1.0).contains(&v));
    let score_threshold = keys.take("score_threshold", f, share);
    keys.finish(f);
    Some(RerankOptions {
        by: by?,
        query: query.unwrap_or_else(|| names::QUESTION.to_owned()),
        passages: passages.unwrap_or_else(|| names::PASSAGES.to_owned()),
        top_k,
        score_threshold: score_threshold.map(single),
    })
}

#[cfg(test)]
mod tests {
    use crate::payload::Kind;
    use crate::spec::StageSpec;
    use crate::spec::stages::tests::read;
    use crate::stage::rerank::{RerankBy, RerankOptions};

    #[test]
    fn every_key_of_rerank_is_read() {
        let stage = read("rerank: {classifier: ce}").unwrap();
        assert_eq!((stage.classifier(), stage.encoder()), (Some("ce"), None));
        let StageSpec::Rerank(options) = stage else {
            panic!()
        };
        let by_default = RerankOptions {
            by: RerankBy::Classifier("ce".to_owned()),
            query: "question".to_owned(),
            passages: "passages".to_owned(),
            top_k: None,
            score_threshold: None,
        };
        assert_eq!(options, by_default);
        let yaml = "rerank: {encoder: minilm, query: asked, passages: found, top_k: 3, score_threshold: 0.25}";
        let stage = read(yaml).unwrap();
        assert_eq!(
            (stage.classifier(), stage.encoder()),
            (None, Some("minilm"))
        );
        assert_eq!(stage.signature().reads["asked"], Kind::Text);
        assert_eq!(stage.signature().writes["found"], Kind::Passages);
        let StageSpec::Rerank(options) = stage else {
            panic!()
        };
        assert_eq!(
            (options.top_k, options.score_threshold),
            (Some(3), Some(0.25))
        );
    }

    #[test]
    fn what_is_wrong_is_told_at_its_place() {
        for (yaml, said) in [
            (
                "rerank: {}",
                "1:9: `d.rerank.classifier` is missing; name a classifier for pairs, or an `encoder`",
            ),
            (
                "rerank: {classifier: a, encoder: b}",
                "1:34: `d.rerank.encoder` and `classifier` exclude each other; leave one out",
            ),
            (
                "rerank: {encoder: a, top_k: 0}",
                "1:29: `d.rerank.top_k` must be a whole number from 1 to 1024, but is `0`",
            ),
            (
                "rerank: {encoder: a, score_threshold: 2}",
                "1:39: `d.rerank.score_threshold` must be a number from -1 to 1, but is `2`",
            ),
        ] {
            assert_eq!(read(yaml).unwrap_err(), format!("a.yaml:{said}"), "{yaml}");
        }
    }
}
