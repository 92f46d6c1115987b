//! Which server has which host name.

use foldhash::HashMap;
use foldhash::fast::FixedState;
use std::hash::BuildHasher;

/// The most names that are remembered: about 18 MiB. Of hosts beyond, a server in several rows comes with its variables
/// again, which changes nothing, and Ansible makes one host of two servers with the same name.
const MAX_HOSTS: usize = 900_000;

/// What is known of a name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Verdict {
    /// Nobody had it so far.
    New,
    /// It is this server's.
    Known,
    /// It is another server's.
    Taken,
}

/// Hashes of names, with those of the servers that have them.
#[derive(Debug, Default)]
pub(super) struct Seen(HashMap<u64, u64>);

impl Seen {
    /// Notes that the server with this id wants this name.
    pub(super) fn see(&mut self, name: &str, id: &str) -> Verdict {
        // The same for the same texts in every process, so that the same report gives the same file.
        let hash = |text: &str| FixedState::with_seed(1).hash_one(text);
        match self.0.get(&hash(name)) {
            Some(known) if *known == hash(id) => Verdict::Known,
            Some(_) => Verdict::Taken,
            None => {
                if self.0.len() < MAX_HOSTS {
                    self.0.insert(hash(name), hash(id));
                }
                Verdict::New
            }
        }
    }
}
