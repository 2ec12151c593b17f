//! Fetches the firm's own server versions and prints the variables that make the tests use them,
//! for CI to evaluate. It knows nothing but the room that fetches.

use pgsync_testkit::Programs;

fn main() -> anyhow::Result<()> {
    let (desktop, cloud) = Programs::fetch_firm_pair()?;
    println!("PGSYNC_TEST_DESKTOP_PGBIN={}", desktop.display());
    println!("PGSYNC_TEST_CLOUD_PGBIN={}", cloud.display());
    Ok(())
}
