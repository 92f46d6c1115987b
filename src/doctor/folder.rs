//! The data folder: there, writable, with space.

use super::Finding;
use crate::config::Config;
use indicatif::HumanBytes;
use rustix::fs::statvfs;
use std::io;
use std::path::Path;

const NAME: &str = "data folder";
/// Less is too little for a report of usual size.
const TOO_LITTLE: u64 = 100 << 20;
/// Less is worth a word.
const LITTLE: u64 = 1 << 30;

/// Looks at the folder, where an embedded part is in it.
pub(super) fn look(config: &Config) -> Vec<Finding> {
    if config.store.mongo_uri.is_some() && config.broker.url.is_some() {
        return Vec::new();
    }
    let path = &config.store.data_dir;
    let shown = path.display();
    let found = match space(path) {
        Ok(Some((free, total))) => judge(&shown.to_string(), free, total),
        Ok(None) => Finding::ok(NAME, format!("{shown} is not there yet; the first start makes it")),
        Err(error) => {
            let advice =
                "let the user that runs the service write there, or set MAESTRO_DATA_DIR to a folder of its own";
            Finding::failed(NAME, format!("{shown} cannot be written: {error}"), advice)
        }
    };
    vec![found]
}

/// Free and total bytes of a folder that can be written; nothing where it is not there.
fn space(path: &Path) -> io::Result<Option<(u64, u64)>> {
    if !path.try_exists()? {
        return Ok(None);
    }
    tempfile::tempfile_in(path)?;
    let system = statvfs(path)?;
    Ok(Some((system.f_bavail * system.f_frsize, system.f_blocks * system.f_frsize)))
}

fn judge(path: &str, free: u64, total: u64) -> Finding {
    let found = format!("{path} can be written; {} of {} free", HumanBytes(free), HumanBytes(total));
    let advice = "make space: delete tables that nobody needs, set MAESTRO_RETENTION_DAYS, or move the folder";
    match free {
        ..TOO_LITTLE => Finding::failed(NAME, found, advice),
        TOO_LITTLE..LITTLE => Finding::warning(NAME, found, advice),
        LITTLE.. => Finding::ok(NAME, found),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::doctor::State;

    #[test]
    fn a_disk_is_full_before_nothing_is_left() {
        for (free, state) in
            [(0, State::Failed), (99 << 20, State::Failed), (1000 << 20, State::Warning), (2 << 30, State::Ok)]
        {
            let finding = judge("/data", free, 4 << 30);
            assert_eq!((finding.state, finding.advice.is_empty()), (state, state == State::Ok), "{free}");
        }
        assert_eq!(judge("/data", 1 << 20, 4 << 30).found, "/data can be written; 1.00 MiB of 4.00 GiB free");
    }
}
