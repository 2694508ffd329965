//! The manners that a machine can check: direction of imports, sizes of files and functions, module documents, and
//! words that say nothing.

use std::fs;
use std::path::{Path, PathBuf};

const FILE_LINES_MAX: usize = 500;
const FUNCTION_LINES_MAX: usize = 70;

/// Who may import whom inside `src`. A module that is not named here may import anything (it is one of the few that
/// know several: pipeline, state, app, cli, api).
const MAY_IMPORT: &[(&str, &[&str])] = &[
    ("model", &[]),
    ("clock", &["model"]),
    ("decode", &["model"]),
    ("validate", &["model"]),
    ("intake", &["model", "decode", "document"]),
    ("mqtt", &["model", "clock", "database"]),
    ("journal", &["model"]),
    ("live", &["model"]),
    ("alerts", &["model", "document"]),
    ("cap", &["model", "alerts"]),
    ("promql", &["model", "store", "history"]),
    ("store", &["model"]),
    ("history", &["model", "store"]),
    ("document", &["model"]),
    ("geodesy", &["model"]),
    ("database", &[]),
    ("registry", &["model", "document", "database", "indices"]),
    ("auth", &["model", "database"]),
    ("notify", &["model", "clock", "database", "document", "geodesy"]),
    ("field", &["model", "database"]),
    ("quality", &["model"]),
    ("indices", &["model", "document"]),
    ("incidents", &["model", "document", "geodesy"]),
    ("derive", &["model", "indices", "store"]),
    ("state", &["model", "live", "alerts", "quality", "incidents"]),
    ("sensorthings", &["model", "geodesy"]),
    ("layers", &["model", "live", "state", "incidents", "registry", "indices"]),
    ("coverage", &["model", "registry"]),
    ("open_data", &["model", "document", "layers"]),
    ("trial", &["model", "document", "alerts", "state", "store", "validate", "registry"]),
];

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

fn rust_files(folder: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display())) {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                files.push(path);
            }
        }
    }
    assert!(!files.is_empty(), "{} holds no Rust", folder.display());
    files.sort();
    files
}

fn all_rust_files() -> Vec<PathBuf> {
    ["src", "simulators", "tests"].iter().flat_map(|folder| rust_files(&root().join(folder))).collect()
}

fn above_tests(text: &str) -> Vec<&str> {
    text.lines().take_while(|line| !line.starts_with("#[cfg(test)]")).collect()
}

fn is_test_file(path: &Path) -> bool {
    path.file_stem().is_some_and(|stem| stem == "tests")
        || path.components().any(|part| part.as_os_str() == "tests" || part.as_os_str() == "benches")
}

fn report(mistakes: &[String]) {
    assert!(mistakes.is_empty(), "\n{}\n", mistakes.join("\n"));
}

/// The module of `src` that a file belongs to.
fn module_of(path: &Path) -> String {
    let inside = path.strip_prefix(root().join("src")).unwrap();
    inside.components().next().unwrap().as_os_str().to_string_lossy().trim_end_matches(".rs").to_owned()
}

#[test]
fn imports_go_one_way() {
    let mut mistakes = Vec::new();
    for path in rust_files(&root().join("src")) {
        let module = module_of(&path);
        let Some((_, allowed)) = MAY_IMPORT.iter().find(|(name, _)| *name == module) else { continue };
        let text = fs::read_to_string(&path).unwrap();
        for (number, line) in above_tests(&text).iter().enumerate() {
            if line.trim_start().starts_with("//") {
                continue;
            }
            for rest in line.split("crate::").skip(1) {
                let imported: String = rest.chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect();
                if imported != module && !allowed.contains(&imported.as_str()) {
                    mistakes.push(format!("{}:{}: {module} imports {imported}", path.display(), number + 1));
                }
            }
        }
    }
    report(&mistakes);
}

#[test]
fn files_open_with_their_purpose() {
    let without: Vec<String> = all_rust_files()
        .iter()
        .filter(|path| path.file_stem().is_none_or(|stem| stem != "tests"))
        .filter(|path| !fs::read_to_string(path).unwrap().starts_with("//!"))
        .map(|path| format!("{} does not begin with //!", path.display()))
        .collect();
    report(&without);
}

#[test]
fn files_fit_in_a_head() {
    let long: Vec<String> = all_rust_files()
        .iter()
        .filter(|path| !is_test_file(path))
        .filter_map(|path| {
            let text = fs::read_to_string(path).unwrap();
            let lines = above_tests(&text).len();
            (lines > FILE_LINES_MAX).then(|| format!("{}: {lines} lines above its tests", path.display()))
        })
        .collect();
    report(&long);
}

#[test]
fn functions_fit_on_a_screen() {
    let mut long = Vec::new();
    for path in all_rust_files() {
        let text = fs::read_to_string(&path).unwrap();
        let mut begun: Option<(usize, usize)> = None;
        for (number, line) in text.lines().enumerate() {
            let indent = line.len() - line.trim_start().len();
            let word = line.trim_start();
            let is_function = ["fn ", "pub fn ", "async fn ", "pub async fn ", "pub(crate) fn ", "pub(super) fn "]
                .iter()
                .any(|start| word.starts_with(start));
            if is_function && begun.is_none_or(|(_, outer)| indent <= outer) {
                begun = Some((number, indent));
            }
            if let Some((first, outer)) = begun
                && indent == outer
                && word.starts_with('}')
            {
                let lines = number - first + 1;
                if lines > FUNCTION_LINES_MAX {
                    long.push(format!("{}:{}: a function of {lines} lines", path.display(), first + 1));
                }
                begun = None;
            }
        }
    }
    report(&long);
}

#[test]
fn names_say_something() {
    let empty_words = ["manager", "helper", "util", "utils", "common", "misc"];
    let vague: Vec<String> = all_rust_files()
        .iter()
        .filter(|path| path.file_stem().is_some_and(|stem| empty_words.contains(&stem.to_string_lossy().as_ref())))
        .map(|path| format!("{}: the name says nothing", path.display()))
        .collect();
    report(&vague);
}

#[test]
fn the_simulators_are_outsiders() {
    let manifest = fs::read_to_string(root().join("simulators/Cargo.toml")).unwrap();
    let imports = manifest.lines().any(|line| line.starts_with("saola ") || line.starts_with("saola="));
    assert!(!imports, "the simulators must not import the service");
}
