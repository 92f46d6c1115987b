//! Leases and the timetable's marks.

use super::*;

over_every_store!(
    a_lease_has_one_holder_until_it_runs_out,
    a_released_lease_is_free,
    one_of_many_takers_wins_a_lease,
    a_due_time_is_claimed_once,
    one_of_many_claimants_wins_a_due_time,
);

const TTL: Duration = Duration::from_secs(30);

async fn a_lease_has_one_holder_until_it_runs_out(store: Arc<dyn Store>) {
    assert!(store.lease("beat", "a", TTL, now()).await.unwrap());
    assert!(!store.lease("beat", "b", TTL, now() + TTL / 2).await.unwrap());
    assert!(store.lease("other", "b", TTL, now()).await.unwrap());
    assert!(store.lease("beat", "a", TTL, now() + TTL / 2).await.unwrap(), "its holder renews it");
    assert!(!store.lease("beat", "b", TTL, now() + TTL).await.unwrap());
    assert!(store.lease("beat", "b", TTL, now() + TTL * 2).await.unwrap());
    assert!(!store.lease("beat", "a", TTL, now() + TTL * 2).await.unwrap());
}

async fn a_released_lease_is_free(store: Arc<dyn Store>) {
    assert!(store.lease("beat", "a", TTL, now()).await.unwrap());
    store.release("beat", "b").await.unwrap();
    assert!(!store.lease("beat", "b", TTL, now()).await.unwrap(), "only its holder gives it back");
    store.release("beat", "a").await.unwrap();
    store.release("beat", "a").await.unwrap();
    assert!(store.lease("beat", "b", TTL, now()).await.unwrap());
}

async fn one_of_many_takers_wins_a_lease(store: Arc<dyn Store>) {
    let takers: Vec<_> = (0..8)
        .map(|n| {
            let store = Arc::clone(&store);
            tokio::spawn(async move { store.lease("beat", &format!("holder-{n}"), TTL, now()).await.unwrap() })
        })
        .collect();
    assert_eq!(winners(takers).await, 1);
}

async fn a_due_time_is_claimed_once(store: Arc<dyn Store>) {
    assert_eq!(store.last_due("nightly").await.unwrap(), None);
    assert!(store.claim_due("nightly", now()).await.unwrap());
    assert!(!store.claim_due("nightly", now()).await.unwrap());
    assert!(!store.claim_due("nightly", now() - TTL).await.unwrap());
    assert_eq!(store.last_due("nightly").await.unwrap(), Some(now()));
    assert!(store.claim_due("nightly", now() + TTL).await.unwrap());
    assert!(store.claim_due("hourly", now()).await.unwrap());
    assert_eq!(store.last_due("nightly").await.unwrap(), Some(now() + TTL));
}

async fn one_of_many_claimants_wins_a_due_time(store: Arc<dyn Store>) {
    assert!(store.claim_due("nightly", now()).await.unwrap());
    let claimants: Vec<_> = (0..8)
        .map(|_| {
            let store = Arc::clone(&store);
            tokio::spawn(async move { store.claim_due("nightly", now() + TTL).await.unwrap() })
        })
        .collect();
    assert_eq!(winners(claimants).await, 1);
}

async fn winners(tasks: Vec<tokio::task::JoinHandle<bool>>) -> usize {
    let mut won = 0;
    for task in tasks {
        won += usize::from(task.await.unwrap());
    }
    won
}
