//! What operators copy is what was tested.

use std::process::Command;

use crate::RECIPES;
use crate::support::certificates::Certificates;
use crate::support::recipe::{CERTIFICATE, KEY, NAME, read};

/// boshd without a proxy.
const ALONE: &str = "deploy/alone/boshd.toml";

#[test]
fn the_page_shows_the_recipes() {
    let page = read("docs/deploy.md");
    for text in RECIPES
        .iter()
        .flat_map(|recipe| [recipe.text(), recipe.settings()])
        .chain([read(ALONE)])
    {
        assert!(
            page.contains(&format!("\n{text}```\n")),
            "docs/deploy.md does not show\n{text}"
        );
    }
}

#[test]
fn boshd_finds_nothing_unwise_in_its_part() {
    let certificates = Certificates::make(NAME);
    let folder = tempfile::tempdir().expect("temporary folder");
    for text in RECIPES.iter().map(|recipe| recipe.settings()).chain([read(ALONE)]) {
        let text = text.replace(CERTIFICATE, certificates.good.certificate.to_str().expect("a name"));
        let text = text.replace(KEY, certificates.good.key.to_str().expect("a name"));
        let file = folder.path().join("boshd.toml");
        std::fs::write(&file, &text).expect("boshd.toml");
        let check = Command::new(env!("CARGO_BIN_EXE_boshd"))
            .arg("check")
            .arg(&file)
            .output()
            .expect("boshd");
        assert_eq!(
            check.status.code(),
            Some(0),
            "{text}\n{}",
            String::from_utf8_lossy(&check.stderr)
        );
    }
}
