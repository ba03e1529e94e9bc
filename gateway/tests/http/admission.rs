//! Bounded admission, through HTTP.

use std::num::NonZeroUsize;
use std::time::Duration;

use futures::StreamExt;
use futures::stream::FuturesUnordered;
use gateway::GatewayConfig;
use serde_json::{Value, json};

use crate::fixture::{Pump, Server, question, saying};

#[tokio::test]
async fn exactly_as_many_get_in_as_there_are_places() {
    let config = GatewayConfig {
        max_ongoing_requests: NonZeroUsize::new(2).unwrap(),
        max_queued_requests: 3,
        retry_after: Duration::from_millis(2500),
        ..GatewayConfig::default()
    };
    let (fake, latch) = saying("yes").with_latch();
    let server = Server::configured(fake, config).await;
    let mut requests: FuturesUnordered<_> = (0..16)
        .map(|_| server.send("/v1/chat/completions", question(json!({}))))
        .collect();
    // While no step is let go, only refusals come back.
    for _ in 0..11 {
        let refused = requests.next().await.unwrap();
        assert_eq!(refused.status(), 429);
        assert_eq!(refused.headers()["retry-after"], "3");
        let error: Value = refused.json().await.unwrap();
        assert_eq!(error["error"]["type"], "rate_limit_error");
        assert_eq!(error["error"]["code"], "rate_limit_exceeded");
        let message = error["error"]["message"].as_str().unwrap();
        assert!(
            message.contains("the limits of 2 running and 3 queued requests are reached"),
            "{message}"
        );
    }
    assert_eq!(
        server.metric("penstock_admission_permits_in_use").await,
        2.0
    );
    assert_eq!(server.metric("penstock_admission_queued").await, 3.0);
    assert_eq!(
        server.metric("penstock_admission_refused_total").await,
        11.0
    );

    let pump = Pump::start(latch);
    while let Some(admitted) = requests.next().await {
        assert_eq!(admitted.status(), 200);
        admitted.bytes().await.unwrap();
    }
    server.until("penstock_admission_permits_in_use", 0.0).await;
    assert_eq!(
        server.metric("penstock_admission_refused_total").await,
        11.0
    );
    drop(pump);
}
