//! The folder of the embedded parts cannot be used.

use crate::data_api::{Gate, held, whole};
use crate::disk::disk;
use crate::scenario::{Account, Scenario};
use crate::site::Site;
use crate::support::fleet::Parts;
use crate::support::program::Program;
use std::path::Path;

pub(crate) static SCENARIOS: &[Scenario] = &[
    Scenario { name: "folder_cannot_be_written", run: cannot_be_written },
    Scenario { name: "folder_is_gone_in_the_middle", run: gone_in_the_middle },
];

/// A process that starts on such a folder says so; those that run already are not touched by it.
fn cannot_be_written(account: &Account) {
    let Some(disk) = disk(80) else { return };
    let site = Site::start(account, Parts::Embedded, &[]).unwrap();
    site.data_api.answer(whole(0..300));
    site.finishes(0..300);
    let watch = site.watch(0..300);
    disk.make_read_only();
    let file = site.fleet.folder().join("file");
    std::fs::write(&file, "").unwrap();
    for folder in [disk.path().join("data"), file.join("data")] {
        for role in ["serve", "worker", "beat"] {
            account.fault();
            let out = Program::output(&[role], &[("MAESTRO_DATA_DIR", folder.to_str().unwrap())]);
            let said = String::from_utf8_lossy(&out.stderr);
            assert!(!out.status.success());
            let says = format!("the folder {} (MAESTRO_DATA_DIR) cannot be used", folder.display());
            assert!(said.contains(&says), "{role}: {said}");
        }
    }
    watch.always();
    site.close();
}

/// Somebody moves the folder away while a run fills it, and back.
fn gone_in_the_middle(account: &Account) {
    let site = Site::start(account, Parts::Embedded, &[("MAESTRO_TASK_RETRIES", "9")]).unwrap();
    site.data_api.answer(whole(0..300));
    site.finishes(0..300);
    let watch = site.watch_change(0..300, 0..5000);
    let gate = Gate::default();
    site.data_api.answer(held(0..5000, 3000, gate.clone()));
    let run = site.request();
    gate.reached();
    account.fault();
    let folder = Path::new(site.fleet.setting("MAESTRO_DATA_DIR"));
    let elsewhere = folder.with_file_name("elsewhere");
    std::fs::rename(folder, &elsewhere).unwrap();
    gate.open();
    site.workers[0].wait_for("to look for room on its disk");
    std::fs::rename(&elsewhere, folder).unwrap();
    site.finished(&run, 0..5000);
    watch.when_there();
    site.close();
}
