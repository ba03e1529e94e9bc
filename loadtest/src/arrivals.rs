//! When requests go out.

use std::future::Future;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use anyhow::Context;
use tokio::task::JoinSet;

/// Closed loop: `clients` at a time, each taking the next number when its last request has ended,
/// until `requests` have been made. What they gave, in no order.
pub(crate) async fn closed_loop<T, F>(
    clients: u32,
    requests: u32,
    request: impl Fn(u32) -> F + Clone + Send + 'static,
) -> anyhow::Result<Vec<T>>
where
    T: Send + 'static,
    F: Future<Output = T> + Send,
{
    let next = Arc::new(AtomicU32::new(0));
    let mut running = JoinSet::new();
    for _ in 0..clients.min(requests) {
        let (next, request) = (Arc::clone(&next), request.clone());
        running.spawn(async move {
            let mut outcomes = Vec::new();
            loop {
                let number = next.fetch_add(1, Ordering::Relaxed);
                if number >= requests {
                    return outcomes;
                }
                outcomes.push(request(number).await);
            }
        });
    }
    let mut outcomes = Vec::new();
    while let Some(client) = running.join_next().await {
        outcomes.extend(client.context("a client broke off")?);
    }
    Ok(outcomes)
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::AtomicUsize;

    use tokio::task::yield_now;

    use super::*;

    #[tokio::test]
    async fn every_number_goes_out_once_and_no_more_than_the_clients_at_a_time() {
        let (now, most) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
        let seen = Arc::clone(&most);
        let mut numbers = closed_loop(4, 50, move |number| {
            let (now, most) = (Arc::clone(&now), Arc::clone(&seen));
            async move {
                most.fetch_max(now.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
                yield_now().await;
                now.fetch_sub(1, Ordering::SeqCst);
                number
            }
        })
        .await
        .unwrap();
        numbers.sort_unstable();
        assert_eq!(numbers, (0..50).collect::<Vec<_>>());
        assert_eq!(most.load(Ordering::SeqCst), 4);
    }
}
