//! Rebuilds when the web pages change. They are built by npm beforehand, never from here; without them the folder
//! is empty and the service says so on its pages.

use std::path::Path;

fn main() {
    let pages = Path::new("dashboards/web/dist");
    // An absent path would make every build start anew; where it cannot be made there is nothing to watch.
    let _ = std::fs::create_dir_all(pages);
    println!("cargo::rerun-if-changed=build.rs");
    println!("cargo::rerun-if-changed={}", pages.display());
}
