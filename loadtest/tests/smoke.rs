//! The instrument itself: floor and null server, every scenario in small, nothing lost.

use std::process::Command;

#[test]
fn a_small_run_is_clean() -> std::io::Result<()> {
    let output = Command::new(env!("CARGO_BIN_EXE_loadtest"))
        .args(["run", "--smoke"])
        .output()?;
    let (table, progress) = (
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr),
    );
    assert!(output.status.success(), "{table}\n{progress}");
    let rows = table.lines().filter(|line| line.ends_with("| 0 | 0 | 0 |"));
    assert_eq!(rows.count(), 12, "{table}");
    Ok(())
}
