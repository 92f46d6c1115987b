//! Leases and the timetable's marks.

use super::*;
use maestro_reports::schedule::{LastRun, Mark, Outcome};
use maestro_reports::store::Definition;

over_every_store!(
    a_lease_has_one_holder_until_it_runs_out,
    a_released_lease_is_free,
    one_of_many_takers_wins_a_lease,
    a_due_time_is_claimed_once,
    one_of_many_claimants_wins_a_due_time,
    a_schedule_is_kept_once_changed_as_read_and_removed,
    a_mark_is_changed_by_whoever_read_it_last,
    a_former_leader_marks_nothing,
    an_older_versions_mark_is_read_and_changed,
    fencing_tokens_grow,
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

fn definition(name: &str, every: &str) -> Definition {
    let fields = serde_json::json!({ "name": name, "every": every, "filters": [{ "$odd": { "a.b": 1 } }] });
    Definition { name: name.to_owned(), fields: fields.as_object().unwrap().clone() }
}

async fn a_schedule_is_kept_once_changed_as_read_and_removed(store: Arc<dyn Store>) {
    let (one, two, changed) = (definition("one \"1\"", "1h"), definition("two", "1h"), definition("one \"1\"", "2h"));
    assert!(store.define(&two).await.unwrap() && store.define(&one).await.unwrap());
    assert!(!store.define(&changed).await.unwrap());
    assert_eq!(store.definitions().await.unwrap(), [one.clone(), two.clone()]);
    assert!(!store.redefine(&changed, &one).await.unwrap(), "it is another one");
    assert!(store.redefine(&one, &changed).await.unwrap());
    assert_eq!(store.definitions().await.unwrap(), [changed, two]);
    assert!(store.put_mark(&Mark::of_last_due("two".into(), now())).await.unwrap());
    assert!(store.undefine("two").await.unwrap());
    assert!(!store.undefine("two").await.unwrap());
    assert_eq!(store.mark("two").await.unwrap(), None, "a new one of its name begins anew");
    assert_eq!(store.definitions().await.unwrap().len(), 1);
}

fn marked(fence: u64) -> Mark {
    let run = LastRun {
        task_id: "task".into(),
        table: table(),
        due: Some(now()),
        requested_at: now() + TTL,
        outcome: Outcome::Error,
        message: "no \"rows\"".into(),
        ended_at: Some(now() + TTL * 2),
    };
    let timing = Some("every 1000 ms".to_owned());
    Mark { fence, timing, run: Some(run), failures: 2, runs: 9, ..Mark::of_last_due("nightly".into(), now()) }
}

async fn a_mark_is_changed_by_whoever_read_it_last(store: Arc<dyn Store>) {
    assert_eq!(store.mark("nightly").await.unwrap(), None);
    let mark = marked(1);
    assert!(store.put_mark(&mark).await.unwrap());
    assert!(!store.put_mark(&mark).await.unwrap(), "somebody has made one");
    let read = store.mark("nightly").await.unwrap().unwrap();
    assert_eq!(read, Mark { revision: 1, ..mark });
    let later = Mark { last_due: now() + TTL, pending: true, paused: Some("why".into()), ..read.clone() };
    let changers: Vec<_> = (0..8)
        .map(|_| {
            let (store, later) = (Arc::clone(&store), later.clone());
            tokio::spawn(async move { store.put_mark(&later).await.unwrap() })
        })
        .collect();
    assert_eq!(winners(changers).await, 1);
    assert!(!store.put_mark(&read).await.unwrap());
    assert_eq!(store.marks().await.unwrap(), [Mark { revision: 2, ..later }]);
}

async fn a_former_leader_marks_nothing(store: Arc<dyn Store>) {
    assert!(store.put_mark(&marked(7)).await.unwrap());
    let read = store.mark("nightly").await.unwrap().unwrap();
    assert!(!store.put_mark(&Mark { fence: 6, ..read.clone() }).await.unwrap());
    assert!(store.put_mark(&Mark { fence: 7, ..read.clone() }).await.unwrap());
    assert!(store.put_mark(&Mark { fence: 8, revision: 2, ..read }).await.unwrap());
    assert_eq!(store.mark("nightly").await.unwrap().map(|mark| (mark.fence, mark.revision)), Some((8, 3)));
}

async fn an_older_versions_mark_is_read_and_changed(store: Arc<dyn Store>) {
    assert!(store.claim_due("nightly", now()).await.unwrap());
    let read = store.mark("nightly").await.unwrap().unwrap();
    assert_eq!(read, Mark::of_last_due("nightly".into(), now()));
    assert!(store.put_mark(&Mark { fence: 3, pending: true, ..read.clone() }).await.unwrap());
    assert!(!store.put_mark(&read).await.unwrap());
    assert!(store.claim_due("nightly", now() + TTL).await.unwrap(), "it goes on beside us");
    let read = store.mark("nightly").await.unwrap().unwrap();
    assert_eq!((read.last_due, read.pending, read.fence), (now() + TTL, true, 3));
}

async fn fencing_tokens_grow(store: Arc<dyn Store>) {
    let mut tokens = vec![store.next_fence("beat").await.unwrap()];
    let takers: Vec<_> = (0..4)
        .map(|_| {
            let store = Arc::clone(&store);
            tokio::spawn(async move { store.next_fence("beat").await.unwrap() })
        })
        .collect();
    for taker in takers {
        tokens.push(taker.await.unwrap());
    }
    tokens[1..].sort_unstable();
    assert!(tokens.is_sorted_by(|one, next| one < next), "{tokens:?}");
    assert_eq!(store.next_fence("other").await.unwrap(), tokens[0], "each lease has its own");
}

async fn winners(tasks: Vec<tokio::task::JoinHandle<bool>>) -> usize {
    let mut won = 0;
    for task in tasks {
        won += usize::from(task.await.unwrap());
    }
    won
}
