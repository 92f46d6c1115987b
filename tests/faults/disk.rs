//! A small disk of a scenario's own, in memory.

use std::path::Path;
use std::process::Command;
use tempfile::TempDir;

/// A mounted disk; it goes with this value.
pub(crate) struct Disk(TempDir);

/// A disk of so many MiB; `None` (and a line that says SKIPPED) where this user may not mount one.
///
/// # Panics
/// Where none can be mounted and `CI=true`.
#[expect(clippy::print_stderr, reason = "the place where a person looks for skipped tests")]
pub(crate) fn disk(mib: u32) -> Option<Disk> {
    let folder = tempfile::tempdir().unwrap();
    let mut mount = Command::new("mount");
    mount.args(["-t", "tmpfs", "-o", &format!("size={mib}m"), "maestro-faults"]).arg(folder.path());
    let mounted = mount.output().unwrap();
    if mounted.status.success() {
        return Some(Disk(folder));
    }
    let why = String::from_utf8_lossy(&mounted.stderr);
    assert!(std::env::var("CI").as_deref() != Ok("true"), "no disk can be mounted: {why}");
    eprintln!("SKIPPED: no disk can be mounted: {why}");
    None
}

impl Disk {
    /// Where it is.
    pub(crate) fn path(&self) -> &Path {
        self.0.path()
    }

    /// Lets nobody write to it.
    pub(crate) fn make_read_only(&self) {
        assert!(Command::new("mount").args(["-o", "remount,ro"]).arg(self.path()).status().unwrap().success());
    }

    /// Fills it to the last byte.
    pub(crate) fn fill(&self) {
        let mut file = std::fs::File::create(self.path().join("ballast")).unwrap();
        let full = std::io::copy(&mut std::io::repeat(0), &mut file).unwrap_err();
        assert_eq!(full.kind(), std::io::ErrorKind::StorageFull);
    }

    /// Takes away what [`Disk::fill`] has put there.
    pub(crate) fn clear(&self) {
        std::fs::remove_file(self.path().join("ballast")).unwrap();
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg("--lazy").arg(self.path()).status();
    }
}
