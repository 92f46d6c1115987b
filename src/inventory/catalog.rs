//! The components of the folder, read at first need and again when their file changes.

use super::dataset::Dataset;
use super::error::InventoryError;
use super::read::{Source, component_of};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

/// The component of the records of reports.
pub(super) const REPORTS: &str = "reports";
/// The components whose records are written by `PUT`.
pub(super) const WRITTEN: [&str; 2] = [REPORTS, "schedulers"];

/// The folder and what was read of it.
pub(super) struct Catalog {
    folder: PathBuf,
    slots: Mutex<BTreeMap<String, Arc<Slot>>>,
}

/// A component's last reading. Held while it is read, so that others wait instead of reading it too.
type Slot = Mutex<Option<(Option<Source>, Arc<Dataset>)>>;

impl Catalog {
    pub(super) fn new(folder: PathBuf) -> Self {
        Self { folder, slots: Mutex::default() }
    }

    /// The components that the folder holds now, by name.
    ///
    /// # Errors
    /// Where the folder cannot be read.
    pub(super) fn components(folder: &Path) -> Result<Vec<String>, InventoryError> {
        let cannot = || InventoryError::io(format!("the folder {} cannot be read", folder.display()));
        let mut names = Vec::new();
        for entry in std::fs::read_dir(folder).map_err(cannot())? {
            let file = entry.map_err(cannot())?.path();
            names.extend(component_of(&file).map(str::to_owned));
        }
        names.sort();
        names.dedup();
        Ok(names)
    }

    /// The documents of a component as its file is now; blocks while the file is read.
    ///
    /// # Errors
    /// `NotFound` where the folder has no file of it; what is wrong with the file.
    pub(super) fn open(&self, component: &str) -> Result<Arc<Dataset>, InventoryError> {
        let source = Source::find(&self.folder, component)?;
        let is_written = WRITTEN.contains(&component);
        if source.is_none() && !is_written {
            return Err(InventoryError::NotFound(format!("no component {component:?} is served here")));
        }
        let slot = self.slot(component);
        let mut held = slot.lock().unwrap_or_else(PoisonError::into_inner);
        // What was put into them is not in their file: they are read once.
        if let Some((known, dataset)) = &*held
            && (*known == source || is_written)
        {
            return Ok(dataset.clone());
        }
        let started = std::time::Instant::now();
        let mut rows = 0_u64;
        let dataset = Dataset::load(|each| match &source {
            Some(source) => source.read(&mut |document| {
                rows += 1;
                each(document)
            }),
            None => Ok(()),
        })?;
        log::info!("inventory: {rows} {component} read in {:.1} s", started.elapsed().as_secs_f64());
        *held = Some((source, dataset.clone()));
        Ok(dataset)
    }

    fn slot(&self, component: &str) -> Arc<Slot> {
        let mut slots = self.slots.lock().unwrap_or_else(PoisonError::into_inner);
        slots.entry(component.to_owned()).or_default().clone()
    }
}
