use super::*;
use serde_json::json;

const LEASE: Duration = Duration::from_secs(15);
const FIRST: Claim<'_> = Claim { holder: "first", number: 1 };
const SECOND: Claim<'_> = Claim { holder: "second", number: 1 };

fn at(seconds: i64) -> DateTime<Utc> {
    DateTime::from_timestamp(1_800_000_000 + seconds, 0).unwrap()
}

fn file_with(bodies: &[&str]) -> (tempfile::TempDir, File) {
    let folder = tempfile::tempdir().unwrap();
    let mut file = File::open(&folder.path().join("queue.sqlite3")).unwrap();
    for body in bodies {
        let message = Message { body: body.as_bytes().to_vec(), ..Message::default() };
        file.publish("q", &message, at(0)).unwrap();
    }
    (folder, file)
}

fn claim(file: &mut File, claim: Claim<'_>, seconds: i64) -> Option<Claimed> {
    let wish = Wish { queues: &["other".to_owned(), "q".to_owned()], first: claim, most: 1 };
    file.claim(wish, at(seconds), LEASE).unwrap().pop()
}

#[test]
fn a_message_comes_again_when_its_lease_ends() {
    let (_folder, mut file) = file_with(&["a"]);
    let first = claim(&mut file, FIRST, 0).unwrap();
    assert!(!first.redelivered);
    assert!(claim(&mut file, SECOND, 14).is_none());
    assert!(claim(&mut file, SECOND, 15).unwrap().redelivered);
    let follow = [("q".to_owned(), Message::default())];
    assert!(!file.remove(first.id, FIRST, &follow, at(15)).unwrap(), "the first has lost it");
    assert!(file.remove(first.id, SECOND, &[], at(15)).unwrap());
    assert!(claim(&mut file, FIRST, 99).is_none());
}

#[test]
fn several_are_taken_in_their_order_over_all_queues() {
    let (_folder, mut file) = file_with(&["a", "b", "c"]);
    let other = |body: &[u8], priority| Message { body: body.to_vec(), priority, ..Message::default() };
    file.publish("other", &other(b"d", 0), at(0)).unwrap();
    file.publish("other", &other(b"first", 3), at(0)).unwrap();
    let wish = Wish { queues: &["other".to_owned(), "q".to_owned()], first: FIRST, most: 4 };
    let taken = file.claim(wish, at(0), LEASE).unwrap();
    let bodies: Vec<_> = taken.iter().map(|claimed| claimed.message.body.as_slice()).collect();
    assert_eq!(bodies, [b"first".as_slice(), b"a", b"b", b"c"]);
    assert!(file.remove(taken[2].id, Claim { number: 3, ..FIRST }, &[], at(15)).unwrap(), "numbers are counted on");
    assert_eq!(claim(&mut file, SECOND, 0).unwrap().message.body, b"d");
}

#[test]
fn a_claim_reads_the_queue_in_the_order_of_its_index() {
    let (_folder, file) = file_with(&[]);
    let sql = "EXPLAIN QUERY PLAN SELECT priority, id FROM messages
         WHERE queue = ?1 AND available_at <= ?2 AND (leased_until IS NULL OR leased_until <= ?2)
         ORDER BY priority DESC, id LIMIT 1";
    let plan: String = file.0.query_row(sql, params!["q", 0], |row| row.get("detail")).unwrap();
    assert_eq!(plan, "SEARCH messages USING INDEX messages_in_order (queue=?)");
}

#[test]
fn what_another_process_writes_shows_in_the_version() {
    let (folder, mut file) = file_with(&["a"]);
    let mut other = File::open(&folder.path().join("queue.sqlite3")).unwrap();
    let before = file.version().unwrap();
    claim(&mut file, FIRST, 0).unwrap();
    assert_eq!(file.version().unwrap(), before, "our own writing is no news");
    other.publish("q", &Message::default(), at(0)).unwrap();
    assert_ne!(file.version().unwrap(), before);
}

#[test]
fn a_renewed_lease_goes_on() {
    let (_folder, mut file) = file_with(&["a"]);
    claim(&mut file, FIRST, 0).unwrap();
    file.renew("first", at(10), LEASE).unwrap();
    assert!(claim(&mut file, SECOND, 24).is_none());
    assert!(claim(&mut file, SECOND, 25).is_some());
}

#[test]
fn what_a_lost_claim_would_write_is_not_written() {
    let (_folder, mut file) = file_with(&["a"]);
    let id = claim(&mut file, FIRST, 0).unwrap().id;
    claim(&mut file, SECOND, 20).unwrap();
    assert!(!file.replace(id, FIRST, "q", &Message::default(), at(20)).unwrap());
    assert!(!file.bury(id, FIRST, "why", &[("q".to_owned(), Message::default())], at(20)).unwrap());
    assert!(!file.give_back(id, FIRST).unwrap());
    assert_eq!(file.depth("q", at(20)).unwrap(), 0);
    assert!(file.dead_letters("q", 9).unwrap().is_empty());
}

#[test]
fn higher_priority_goes_first_and_a_retry_waits_for_its_time() {
    let (_folder, mut file) = file_with(&["low"]);
    let high = Message { body: b"high".to_vec(), priority: 5, ..Message::default() };
    file.publish("q", &high, at(0)).unwrap();
    let taken = claim(&mut file, FIRST, 0).unwrap();
    assert_eq!(taken.message.body, b"high");
    let mut next = taken.message.clone();
    next.headers.insert("eta".to_owned(), json!(at(30).to_rfc3339()));
    assert!(file.replace(taken.id, FIRST, "q", &next, at(0)).unwrap());
    assert_eq!(claim(&mut file, FIRST, 29).unwrap().message.body, b"low");
    assert_eq!(claim(&mut file, SECOND, 30).unwrap().message, next);
}

#[test]
fn a_newer_file_is_left_alone() {
    let (folder, file) = file_with(&[]);
    file.0.pragma_update(None, "user_version", 99).unwrap();
    assert!(matches!(File::open(&folder.path().join("queue.sqlite3")), Err(FileError::Newer { found: 99 })));
}
