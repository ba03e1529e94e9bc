//! Storing, replacing, removing, and the three kinds of search.

use serde_json::json;

use super::fixture::{Place, ask, ids, metadata, near, on_both, passages, point, scrolled};
use crate::vector::{Condition, Filter, Near, Query, RRF_K, VectorIndex};

on_both!(
    what_was_stored_is_found_by_meaning,
    a_threshold_cuts_off_what_is_not_near,
    what_was_stored_is_found_by_words,
    both_lists_are_fused_by_ranks,
    a_question_without_words_is_answered_by_meaning,
    a_filter_binds_every_kind_of_search,
    storing_again_replaces,
    metadata_is_replaced_alone,
    what_is_removed_is_not_found,
    records_come_back_in_the_order_asked_for,
    a_collection_is_read_through_page_by_page,
    of_one_id_in_a_call_the_last_stays,
    an_empty_collection_answers,
);

async fn filled(place: &Place) -> &dyn VectorIndex {
    place.index.upsert(passages()).await.unwrap();
    &*place.index
}

async fn what_was_stored_is_found_by_meaning(place: Place) {
    let index = filled(&place).await;
    // Twice as long a question asks for the same.
    let question = ask(Query::Dense(near([2.0, 0.0, 0.0, 0.0])), 3);
    let hits = index.search(question).await.unwrap();
    assert_eq!(ids(&hits), ["river", "fluss", "mill"]);
    let expected = [1.0, 0.9 / (0.82_f32).sqrt(), 0.8];
    for (hit, expected) in hits.iter().zip(expected) {
        assert!(
            (hit.score - expected).abs() < 1e-5,
            "{} not {expected}",
            hit.score
        );
    }
    let mut stored = passages();
    let river = stored.swap_remove(0);
    assert_eq!(hits[0].record.text, river.text);
    assert_eq!(hits[0].record.metadata, river.metadata);
}

async fn a_threshold_cuts_off_what_is_not_near(place: Place) {
    let index = filled(&place).await;
    let near = Near {
        score_threshold: Some(0.85),
        ..near([1.0, 0.0, 0.0, 0.0])
    };
    let hits = index.search(ask(Query::Dense(near), 5)).await.unwrap();
    assert_eq!(ids(&hits), ["river", "fluss"]);
}

async fn what_was_stored_is_found_by_words(place: Place) {
    let index = filled(&place).await;
    let hits = index
        .search(ask(Query::Sparse("WHEEL".to_owned()), 5))
        .await
        .unwrap();
    assert_eq!(
        ids(&hits),
        ["mill", "river"],
        "twice in a text outweighs its length"
    );
    assert!(hits[1].score > 0.0 && hits[0].score > hits[1].score);
    // A rare word outweighs a frequent one.
    let hits = index
        .search(ask(Query::Sparse("the corn".to_owned()), 5))
        .await
        .unwrap();
    assert_eq!(ids(&hits), ["mill", "river"]);
    let hits = index
        .search(ask(Query::Sparse("submarine".to_owned()), 5))
        .await
        .unwrap();
    assert_eq!(ids(&hits), [""; 0]);
}

async fn both_lists_are_fused_by_ranks(place: Place) {
    let index = filled(&place).await;
    // By meaning: bank, then fluss; by words: fluss alone.
    let near = Near {
        score_threshold: Some(0.1),
        ..near([0.0, 0.0, 1.0, 0.0])
    };
    let question = Query::Hybrid(near, "fluss".to_owned());
    let hits = index.search(ask(question, 5)).await.unwrap();
    assert_eq!(ids(&hits), ["fluss", "bank"]);
    #[expect(clippy::cast_precision_loss, reason = "a small constant")]
    let rank = |rank: u32| 1.0 / (RRF_K + rank) as f32;
    assert!(
        (hits[0].score - (rank(1) + rank(0))).abs() < 1e-6,
        "{}",
        hits[0].score
    );
    assert!((hits[1].score - rank(0)).abs() < 1e-6, "{}", hits[1].score);
}

async fn a_question_without_words_is_answered_by_meaning(place: Place) {
    let index = filled(&place).await;
    let question = Query::Hybrid(near([0.0, 0.0, 1.0, 0.0]), "?!".to_owned());
    let hits = index.search(ask(question, 1)).await.unwrap();
    assert_eq!(ids(&hits), ["bank"]);
    let hits = index
        .search(ask(Query::Sparse(" ... ".to_owned()), 1))
        .await
        .unwrap();
    assert_eq!(ids(&hits), [""; 0]);
}

async fn a_filter_binds_every_kind_of_search(place: Place) {
    let index = filled(&place).await;
    let filter: Filter =
        serde_json::from_value(json!({"must_not": [{"key": "lang", "match": {"value": "de"}}]}))
            .unwrap();
    let vector = near([0.9, 0.0, 0.1, 0.0]);
    for query in [
        Query::Dense(vector.clone()),
        Query::Sparse("fluss wheel".to_owned()),
        Query::Hybrid(vector, "fluss wheel".to_owned()),
    ] {
        let mut request = ask(query.clone(), 5);
        let hits = index.search(request.clone()).await.unwrap();
        assert!(ids(&hits).contains(&"fluss"), "{query:?}");
        request.filter = Some(filter.clone());
        let hits = index.search(request).await.unwrap();
        assert!(
            !hits.is_empty() && !ids(&hits).contains(&"fluss"),
            "{query:?}"
        );
    }
}

async fn storing_again_replaces(place: Place) {
    let index = filled(&place).await;
    let anew = point(
        "river",
        "Lava flows",
        [0.0, 1.0, 0.0, 0.0],
        json!({"lang": "is"}),
    );
    index.upsert(vec![anew]).await.unwrap();
    assert_eq!(index.count(None).await.unwrap(), 5);
    let hits = index
        .search(ask(Query::Sparse("river".to_owned()), 5))
        .await
        .unwrap();
    assert_eq!(ids(&hits), [""; 0], "the old words are gone");
    let hits = index
        .search(ask(Query::Sparse("lava".to_owned()), 5))
        .await
        .unwrap();
    assert_eq!(ids(&hits), ["river"]);
    let hits = index
        .search(ask(Query::Dense(near([0.0, 1.0, 0.0, 0.0])), 1))
        .await
        .unwrap();
    assert_eq!(ids(&hits), ["river"]);
    let old = Filter::must([Condition::equals("year", 1990_i64)]);
    assert_eq!(
        index.count(Some(old)).await.unwrap(),
        0,
        "the old metadata is gone"
    );
}

async fn metadata_is_replaced_alone(place: Place) {
    let index = filled(&place).await;
    let changes = vec![
        ("bank".to_owned(), metadata(json!({"lang": "fr"}))),
        ("absent".to_owned(), metadata(json!({"lang": "fr"}))),
    ];
    index.set_metadata(changes).await.unwrap();
    let french = Filter::must([Condition::equals("lang", "fr")]);
    assert_eq!(scrolled(index, Some(french)).await, ["bank"]);
    let drafts = Filter::must([Condition::equals("draft", true)]);
    assert_eq!(index.count(Some(drafts)).await.unwrap(), 0);
    let hits = index
        .search(ask(Query::Sparse("money".to_owned()), 5))
        .await
        .unwrap();
    assert_eq!(ids(&hits), ["bank"]);
    let hits = index
        .search(ask(Query::Dense(near([0.0, 0.0, 1.0, 0.0])), 1))
        .await
        .unwrap();
    assert_eq!(ids(&hits), ["bank"]);
}

async fn what_is_removed_is_not_found(place: Place) {
    let index = filled(&place).await;
    index
        .delete(vec!["mill".to_owned(), "absent".to_owned()])
        .await
        .unwrap();
    assert_eq!(index.count(None).await.unwrap(), 4);
    let hits = index
        .search(ask(Query::Sparse("wheel corn".to_owned()), 5))
        .await
        .unwrap();
    assert_eq!(ids(&hits), ["river"]);
    let hits = index
        .search(ask(Query::Dense(near([0.8, 0.6, 0.0, 0.0])), 5))
        .await
        .unwrap();
    assert!(!ids(&hits).contains(&"mill"));
    // Its place is free for another.
    let new = point("sea", "The sea rests", [0.0, 1.0, 0.0, 0.0], json!({}));
    index.upsert(vec![new]).await.unwrap();
    let hits = index
        .search(ask(Query::Dense(near([0.0, 1.0, 0.0, 0.0])), 1))
        .await
        .unwrap();
    assert_eq!(ids(&hits), ["sea"]);
}

async fn records_come_back_in_the_order_asked_for(place: Place) {
    let index = filled(&place).await;
    let asked = ["plain", "absent", "bank", "river"].map(str::to_owned);
    let records = index.retrieve(asked.to_vec()).await.unwrap();
    let found: Vec<_> = records.iter().map(|record| record.id.as_str()).collect();
    assert_eq!(found, ["plain", "bank", "river"]);
}

async fn a_collection_is_read_through_page_by_page(place: Place) {
    let index = filled(&place).await;
    let all = scrolled(index, None).await;
    assert_eq!(all, ["bank", "fluss", "mill", "plain", "river"]);
    let english = Filter::must([Condition::equals("lang", "en")]);
    assert_eq!(
        scrolled(index, Some(english)).await,
        ["bank", "mill", "river"]
    );
}

async fn of_one_id_in_a_call_the_last_stays(place: Place) {
    let index = filled(&place).await;
    let twice = vec![
        point("new", "first words", [1.0, 0.0, 0.0, 0.0], json!({})),
        point("new", "later words", [0.0, 1.0, 0.0, 0.0], json!({})),
    ];
    index.upsert(twice).await.unwrap();
    let records = index.retrieve(vec!["new".to_owned()]).await.unwrap();
    assert_eq!(records[0].text, "later words");
    assert_eq!(index.count(None).await.unwrap(), 6);
}

async fn an_empty_collection_answers(place: Place) {
    let index = &*place.index;
    assert_eq!(index.count(None).await.unwrap(), 0);
    let question = Query::Hybrid(near([1.0, 0.0, 0.0, 0.0]), "wheel".to_owned());
    assert!(index.search(ask(question, 5)).await.unwrap().is_empty());
    assert!(scrolled(index, None).await.is_empty());
    index.upsert(Vec::new()).await.unwrap();
    index.delete(Vec::new()).await.unwrap();
    assert!(index.retrieve(Vec::new()).await.unwrap().is_empty());
}
