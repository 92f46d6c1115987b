//! The Reports API.

use crate::app::App;

/// Serves until the process is told to end.
///
/// # Errors
/// Where the address is taken.
pub async fn serve(app: App) -> anyhow::Result<()> {
    let _ = app;
    anyhow::bail!("serve is not in this build")
}
