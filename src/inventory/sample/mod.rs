//! A made-up inventory of any size in the platform's document shapes: the same for the same number of servers, with
//! references that lead somewhere, written record by record.

mod chain;
mod people;
mod places;
mod random;
mod server;

use chain::Counts;
use serde_json::Value;
use std::io::{self, BufWriter, Write};
use std::path::Path;

pub use people::SAMPLE_OWNER;

/// Writes `servers` servers and about an eighth as many applications, a fortieth systems and a two-hundredth clients,
/// a file each. One in ten records belongs to another owner than [`SAMPLE_OWNER`].
///
/// # Errors
/// Where a file cannot be written; it does not appear then.
pub(super) fn write(folder: &Path, servers: u64) -> io::Result<()> {
    let counts = Counts::of(servers);
    file(folder, "datacenters", places::COUNT, places::datacenter)?;
    file(folder, "clients", counts.clients, |index| chain::client(counts, index))?;
    file(folder, "systems", counts.systems, |index| chain::system(counts, index))?;
    file(folder, "applications", counts.applications, |index| chain::application(counts, index))?;
    file(folder, "servers", counts.servers, |index| server::server(counts, index))
}

/// Writes so many records, a line each, into a file that appears when it is whole.
fn file(folder: &Path, component: &str, count: u64, record: impl Fn(u64) -> Value) -> io::Result<()> {
    let mut out = BufWriter::new(tempfile::NamedTempFile::new_in(folder)?);
    for index in 0..count {
        serde_json::to_writer(&mut out, &record(index))?;
        out.write_all(b"\n")?;
    }
    out.into_inner()?.persist(folder.join(format!("{component}.ndjson")))?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    fn read(folder: &Path, component: &str) -> Vec<Value> {
        let text = std::fs::read_to_string(folder.join(format!("{component}.ndjson"))).unwrap();
        text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }

    fn ids(records: &[Value]) -> BTreeSet<String> {
        records.iter().map(|record| record["_id"].as_str().unwrap().to_owned()).collect()
    }

    #[test]
    fn references_lead_to_records_and_nine_in_ten_are_the_owners() {
        let folder = tempfile::tempdir().unwrap();
        write(folder.path(), 400).unwrap();
        let (servers, applications) = (read(folder.path(), "servers"), read(folder.path(), "applications"));
        let (systems, clients) = (read(folder.path(), "systems"), read(folder.path(), "clients"));
        let counts = [servers.len(), applications.len(), systems.len(), clients.len()];
        assert_eq!(counts, [400, 50, 10, 2]);
        assert_eq!(ids(&servers).len(), 400);
        for (records, field, targets) in [
            (&servers, "applications", ids(&applications)),
            (&applications, "system", ids(&systems)),
            (&systems, "clients", ids(&clients)),
        ] {
            for target in records.iter().flat_map(|record| record[field].as_array().unwrap()) {
                assert!(targets.contains(target["_id"].as_str().unwrap()), "{field}: {target}");
            }
        }
        let mine = servers.iter().filter(|server| server["roles"][0]["_id"] == SAMPLE_OWNER).count();
        assert_eq!(mine, 360);
    }

    #[test]
    fn the_same_number_gives_the_same_files() {
        let (one, other) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        write(one.path(), 50).unwrap();
        write(other.path(), 50).unwrap();
        assert_eq!(read(one.path(), "servers"), read(other.path(), "servers"));
        let bytes = std::fs::metadata(one.path().join("servers.ndjson")).unwrap().len();
        assert!((50 * 1100..50 * 1700).contains(&bytes), "{bytes} bytes for 50 servers");
    }
}
