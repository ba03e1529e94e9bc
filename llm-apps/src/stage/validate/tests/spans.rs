//! The span finder beside the definition of what it finds.

use proptest::prelude::*;
use regex_automata::nfa::thompson::pikevm::PikeVM;
use regex_automata::{Anchored, Input, MatchKind};

use crate::stage::validate::pattern::{Forbidden, Pattern, PatternError};
use crate::stage::validate::spans::SpanFinder;

const PATTERNS: &[&str] = &[
    "ab",
    "a+b",
    "(?i)AB",
    "a.b",
    "a[^b]{2}",
    "b$",
    r"\bab\b",
    "^a",
    r"\ba",
    "é",
    "(a|ab)(c|b)",
    "a.*1",
    r"\n",
    "a{3}",
    r"1\B",
    "(?m)^b",
    "ba|a1",
];

/// The match that ends first, by trying all, with the automaton's own reference.
fn expected(patterns: &[&str], text: &str) -> Option<(usize, usize)> {
    let all = PikeVM::builder()
        .configure(PikeVM::config().match_kind(MatchKind::All))
        .build_many(patterns)
        .unwrap();
    let mut cache = all.create_cache();
    let places: Vec<usize> = (0..=text.len())
        .filter(|&p| text.is_char_boundary(p))
        .collect();
    for &end in &places {
        for &start in places.iter().filter(|&&start| start < end) {
            let input = Input::new(text).range(start..end).anchored(Anchored::Yes);
            let longest = all.find_iter(&mut cache, input).next();
            if longest.is_some_and(|found| found.start() == start && found.end() == end) {
                return Some((start, end));
            }
        }
    }
    None
}

fn finder(patterns: &[&str]) -> SpanFinder {
    let patterns: Vec<String> = patterns.iter().map(ToString::to_string).collect();
    SpanFinder::new(&Forbidden::new(&[], &patterns).unwrap().automaton, false)
}

#[test]
fn a_text_is_forbidden_in_any_case_and_means_itself() {
    let forbidden = Forbidden::new(&["A.b*".to_owned(), "<|x|>".to_owned()], &[]).unwrap();
    let find = |text: &str| {
        let span = SpanFinder::new(&forbidden.automaton, false).advance(text, true);
        span.map(|span| (span.start, span.end))
    };
    assert_eq!(find("xa.B*"), Some((1, 5)));
    assert_eq!(find("axb"), None);
    assert_eq!(find("a<|X|>"), Some((1, 6)));
}

#[test]
fn what_may_become_a_match_is_held_back_and_no_more() {
    let mut finder = finder(&["secret", "secr.t key"]);
    assert_eq!(finder.advance("the sec", false), None);
    assert_eq!(finder.safe(), 4);
    assert_eq!(finder.advance("the second", false), None);
    assert_eq!(finder.safe(), 10);
    assert_eq!(finder.advance("the second s", false), None);
    assert_eq!(finder.safe(), 11);
    assert_eq!(finder.advance("the second s", true), None);
}

#[test]
fn a_pattern_that_can_match_no_more_is_known_to_be_dead() {
    let digits = Pattern::new(r"^\d+$").unwrap();
    let mut finder = SpanFinder::new(&digits.automaton, true);
    assert!(finder.advance("12", false).is_none());
    assert_eq!(finder.dead_at(), None);
    assert!(finder.advance("12 and a long text", false).is_none());
    assert_eq!(finder.dead_at(), Some(2));

    // What is forbidden at the beginning only holds nothing back later.
    let mut finder = self::finder(&["^secret"]);
    assert!(finder.advance("a long text", false).is_none());
    assert!(finder.advance("a long text s", false).is_none());
    assert_eq!(finder.safe(), 13);

    let anywhere = Pattern::new(r"\d").unwrap();
    let mut finder = SpanFinder::new(&anywhere.automaton, true);
    assert!(finder.advance("a long text", false).is_none());
    assert_eq!(finder.dead_at(), None);
}

#[test]
fn patterns_that_are_none_say_why() {
    let refuse = |pattern: &str| Forbidden::new(&[], &[pattern.to_owned()]).unwrap_err();
    let broken = refuse("a(b").to_string();
    assert_eq!(broken, "`a(b` is no regular expression: unclosed group");
    assert_eq!(refuse("a*"), PatternError::Empty("a*".to_owned()));
    assert_eq!(refuse(r"\w{1000}\d{1000}"), PatternError::TooLarge);
    assert!(Forbidden::new(&[String::new()], &[]).is_err());
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    #[test]
    fn it_finds_the_match_that_ends_first_however_the_text_comes(
        patterns in prop::sample::subsequence(PATTERNS, 1..4),
        text in "[abAB1é \n]{0,24}",
        cuts in prop::collection::vec(0_usize..24, 0..6),
    ) {
        let wanted = expected(&patterns, &text);
        let mut cuts: Vec<usize> = cuts.into_iter().filter(|&cut| text.is_char_boundary(cut)).collect();
        cuts.sort_unstable();
        let mut finder = finder(&patterns);
        let mut found = None;
        for cut in cuts {
            let safe = finder.safe();
            prop_assert!(safe <= text.len());
            found = finder.advance(&text[..cut.min(text.len())], false);
            prop_assert!(found.is_some() || finder.safe() >= safe, "what was let go stays so");
            if let Some(span) = found {
                prop_assert!(span.start >= safe, "nothing of a span was let go");
                break;
            }
        }
        let safe = finder.safe();
        if found.is_none() {
            found = finder.advance(&text, true);
            prop_assert!(found.is_none_or(|span| span.start >= safe));
        }
        prop_assert_eq!(found.map(|span| (span.start, span.end)), wanted);
    }
}
