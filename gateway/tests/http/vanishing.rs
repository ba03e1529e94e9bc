//! Clients that leave in the middle of things leave nothing behind.

use futures::future::{join, join_all};
use serde_json::json;

use crate::fixture::{BLOCKS, Pump, Server, drawing, question};

#[tokio::test]
async fn sixty_four_clients_that_vanish_leave_nothing_behind() {
    let (fake, latch) = drawing().with_latch();
    let server = Server::start(fake).await;
    let body = question(json!({"stream": true, "ignore_eos": true, "max_tokens": 400}));
    let open = (0..64).map(|_| async {
        let mut response = server.send("/v1/chat/completions", body.clone()).await;
        response.chunk().await.unwrap().unwrap();
        response
    });
    // The steps begin when all 64 are there, so none is near its end when the last begins.
    let begin = async {
        while server.model.engine().stats().held_requests < 64 {
            server.get("/livez").send().await.unwrap();
        }
        Pump::start(latch)
    };
    let (streams, pump) = join(join_all(open), begin).await;
    let latch = pump.stop().await;
    // The engine is held in a step from now on.
    latch.wait_async().await.unwrap();
    let before = server.model.engine().stats();
    assert_eq!(server.metric("penstock_open_streams").await, 64.0);
    assert_eq!(
        server.metric("penstock_admission_permits_in_use").await,
        64.0
    );
    assert_eq!(server.metric("penstock_num_requests_running").await, 64.0);
    assert!(server.metric("penstock_kv_cache_blocks_used").await >= 64.0);

    drop(streams);
    server.until("penstock_admission_permits_in_use", 0.0).await;
    server.until("penstock_open_streams", 0.0).await;
    latch.release();
    server.until("penstock_kv_cache_blocks_used", 0.0).await;
    let after = server.model.engine().stats();
    assert_eq!(
        after.counters.steps,
        before.counters.steps + 1,
        "nothing more was computed"
    );
    assert_eq!(
        (after.held_requests, after.num_running, after.num_waiting),
        (0, 0, 0)
    );
    assert_eq!(after.blocks.free + after.blocks.cached, BLOCKS);
    assert_eq!(server.metric("penstock_request_failure_total").await, 64.0);
    assert_eq!(server.metric("penstock_admission_queued").await, 0.0);
}

#[tokio::test]
async fn a_client_that_leaves_before_the_first_token_is_noticed_too() {
    let (fake, latch) = drawing().with_latch();
    let server = Server::start(fake).await;
    for streamed in [true, false] {
        let body = question(json!({"stream": streamed}));
        let mut request = Box::pin(server.send("/v1/chat/completions", body));
        let held = tokio::select! {
            held = latch.wait_async() => held,
            response = &mut request => panic!("an answer without a step: {response:?}"),
        };
        assert!(held.is_some());
        assert_eq!(
            server.metric("penstock_admission_permits_in_use").await,
            1.0
        );
        drop(request);
        server.until("penstock_admission_permits_in_use", 0.0).await;
        latch.release();
        // Figures are as of the latest step, which was held; what is held by the engine is not.
        while server.model.engine().stats().held_requests > 0 {
            server.get("/livez").send().await.unwrap();
        }
        server.until("penstock_kv_cache_blocks_used", 0.0).await;
    }
    assert_eq!(server.metric("penstock_request_failure_total").await, 2.0);
}
