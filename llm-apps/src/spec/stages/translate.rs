//! `translate`: another text for a text.
//!
//! ```yaml
//! translate:
//!   translator: t5                            # one of `translators`
//!   input: question                           # the variable that holds the text
//!   output: translation                       # the variable that is written
//!   prefix: "translate English to French: "   # what stands before the text, as the model was trained
//!   max_tokens: 256                           # the text ends there
//! ```

use super::common::variable;
use crate::payload::names;
use crate::spec::fault::Faults;
use crate::spec::node::Node;
use crate::spec::read;
use crate::spec::section::Section;
use crate::stage::translate::TranslateOptions;

/// Tokens where nobody says how many.
const MAX_TOKENS: usize = 256;
/// Most tokens.
const MOST_TOKENS: usize = 4096;

/// Reads the section `path`.
pub(super) fn read(path: &str, node: &Node, faults: &mut Faults) -> Option<TranslateOptions> {
    let mut keys = Section::open(path, node, faults);
    let translator = keys.require("translator", "translator: t5", faults, read::text);
    let input = keys.take("input", faults, variable);
    let output = keys.take("output", faults, variable);
    let prefix = keys.take("prefix", faults, read::text);
    let max_tokens = keys.take("max_tokens", faults, read::integer(1..=MOST_TOKENS));
    keys.finish(faults);
    Some(TranslateOptions {
        translator: translator?,
        input: input.unwrap_or_else(|| names::QUESTION.to_owned()),
        output: output.unwrap_or_else(|| names::TRANSLATION.to_owned()),
        prefix: prefix.unwrap_or_default(),
        max_tokens: max_tokens.unwrap_or(MAX_TOKENS),
    })
}

#[cfg(test)]
mod tests {
    use crate::payload::Kind;
    use crate::spec::StageSpec;
    use crate::spec::stages::tests::read;
    use crate::stage::translate::TranslateOptions;

    #[test]
    fn every_key_of_translate_is_read() {
        let stage = read("translate: {translator: t5}").unwrap();
        assert_eq!((stage.translator(), stage.key()), (Some("t5"), "translate"));
        let StageSpec::Translate(options) = stage else {
            panic!()
        };
        let by_default = TranslateOptions {
            translator: "t5".to_owned(),
            input: "question".to_owned(),
            output: "translation".to_owned(),
            prefix: String::new(),
            max_tokens: 256,
        };
        assert_eq!(options, by_default);
        let yaml = "translate: {translator: t5, input: draft, output: answer, max_tokens: 9, \
                    prefix: 'summarize: '}";
        let stage = read(yaml).unwrap();
        assert_eq!(stage.signature().reads["draft"], Kind::Text);
        assert_eq!(stage.signature().writes["answer"], Kind::Text);
        let StageSpec::Translate(options) = stage else {
            panic!()
        };
        assert_eq!(
            (options.prefix.as_str(), options.max_tokens),
            ("summarize: ", 9)
        );
    }

    #[test]
    fn what_is_wrong_is_told_at_its_place() {
        let faults = read("translate: {max_tokens: 0, model: t5}").unwrap_err();
        let said = "a.yaml:1:12: `d.translate.translator` is missing; write for example `translator: t5`\n\
                    a.yaml:1:25: `d.translate.max_tokens` must be a whole number from 1 to 4096, but is `0`\n\
                    a.yaml:1:28: unknown key `d.translate.model`; known are translator, input, output, prefix, \
                    max_tokens";
        assert_eq!(faults, said);
    }
}
