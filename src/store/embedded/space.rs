//! Free space of the file, given back to the file system.
//!
//! What is removed leaves free pages in the file, which the next rows fill. A file is made so that its last pages can be
//! moved into free ones and cut off (`auto_vacuum = INCREMENTAL`), some at a time: rewriting it whole (`VACUUM`) would
//! keep runs waiting for as long as it takes, and need the same space again.

use super::pool::Pool;
use crate::store::StoreError;
use rusqlite::Transaction;

/// Pages moved in one transaction: 2 MiB.
const PAGES: u64 = 128;
/// Free bytes that stay for the next rows.
const SPARE: u64 = 16 * 1024 * 1024;

/// How large the file is.
#[derive(Clone, Copy)]
struct Size {
    pages: u64,
    free: u64,
    page_bytes: u64,
}

/// Cuts free pages off the file, but for some; bytes.
pub(super) async fn give_back(pool: &Pool) -> Result<u64, StoreError> {
    let first = pool.read("to measure the file", |tx| Ok(size(tx)?)).await?;
    let mut now = first;
    while now.free * now.page_bytes > SPARE {
        let after = pool.write_ahead("to give space back", |tx| Ok(cut(tx)?)).await?;
        if after.pages >= now.pages {
            break;
        }
        now = after;
    }
    if now.pages < first.pages {
        pool.checkpoint().await?;
    }
    Ok(first.pages.saturating_sub(now.pages) * first.page_bytes)
}

fn cut(tx: &Transaction<'_>) -> rusqlite::Result<Size> {
    let mut statement = tx.prepare(&format!("PRAGMA incremental_vacuum({PAGES})"))?;
    // Each step moves one page.
    let mut steps = statement.raw_query();
    while steps.next()?.is_some() {}
    size(tx)
}

fn size(tx: &Transaction<'_>) -> rusqlite::Result<Size> {
    let number = |pragma: &str| tx.pragma_query_value(None, pragma, |row| row.get(0));
    Ok(Size { pages: number("page_count")?, free: number("freelist_count")?, page_bytes: number("page_size")? })
}
