//! Checks that no compiler makes: `cargo xtask tidy`.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

/// The most lines of a source file without its tests.
const MAX_LINES: usize = 500;

fn main() -> ExitCode {
    match std::env::args().nth(1).as_deref() {
        Some("tidy") => tidy(),
        _ => {
            report("usage: cargo xtask tidy");
            ExitCode::from(2)
        }
    }
}

#[expect(clippy::print_stderr, reason = "a command line tool")]
fn report(line: &str) {
    eprintln!("{line}");
}

fn tidy() -> ExitCode {
    // Asked for at run time: a target folder may be shared by several checkouts, and this is about the one it runs in.
    let Some(package) = std::env::var_os("CARGO_MANIFEST_DIR") else {
        report("run it by `cargo xtask tidy`");
        return ExitCode::FAILURE;
    };
    let root = Path::new(&package).join("../..");
    let mut faults = Vec::new();
    let files = sources(&root);
    for file in &files {
        let Ok(text) = fs::read_to_string(file) else { continue };
        let name = file.strip_prefix(&root).unwrap_or(file).display().to_string();
        check_size(&name, &text, &mut faults);
        check_words(&name, &text, &mut faults);
        check_sql(&name, &text, &mut faults);
        check_unsafe(&name, &text, &mut faults);
    }
    check_domain(&root, &mut faults);
    check_map(&root, &mut faults);
    for fault in &faults {
        report(fault);
    }
    report(&format!("tidy: {} files, {} faults", files.len(), faults.len()));
    if faults.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// Every Rust, script and style file of the project.
fn sources(root: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut folders = vec![root.join("crates"), root.join("bench"), root.join("tests")];
    while let Some(folder) = folders.pop() {
        let Ok(entries) = fs::read_dir(&folder) else { continue };
        for path in entries.flatten().map(|entry| entry.path()) {
            let name = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
            if path.is_dir() && !["target", "node_modules", "pictures"].contains(&name.as_str()) {
                folders.push(path);
            } else if [".rs", ".js", ".mjs", ".css", ".html", ".sql"].iter().any(|ending| name.ends_with(ending)) {
                found.push(path);
            }
        }
    }
    found.sort();
    found
}

fn check_size(name: &str, text: &str, faults: &mut Vec<String>) {
    let is_test = name.contains("/tests/") || name.ends_with("tests.rs");
    let code = text.split("#[cfg(test)]").next().unwrap_or(text);
    let lines = code.lines().count();
    if name.ends_with(".rs") && !is_test && lines > MAX_LINES {
        faults.push(format!("{name}: {lines} lines without tests; {MAX_LINES} are allowed"));
    }
}

/// What is not done stays out of the code.
fn check_words(name: &str, text: &str, faults: &mut Vec<String>) {
    // Spelled in parts, so that this file does not find itself.
    let words = [
        ["TO", "DO"].concat(),
        ["FIX", "ME"].concat(),
        ["XX", "X:"].concat(),
        ["todo", "!("].concat(),
        ["#[ign", "ore"].concat(),
    ];
    for (index, line) in text.lines().enumerate() {
        if let Some(word) = words.iter().find(|word| line.contains(word.as_str())) {
            faults.push(format!("{name}:{}: {word}", index + 1));
        }
    }
}

/// SQL is written in one crate.
fn check_sql(name: &str, text: &str, faults: &mut Vec<String>) {
    let allowed = name.starts_with("crates/store/")
        || name.starts_with("crates/testkit/")
        || name.starts_with("bench/")
        || name.starts_with("tests/faults/");
    if allowed || name.starts_with("crates/xtask/") || !name.ends_with(".rs") {
        return;
    }
    for (index, line) in text.lines().enumerate() {
        if ["\"SELECT ", "\"INSERT INTO ", "\"UPDATE ", "\"DELETE FROM "].iter().any(|verb| line.contains(verb)) {
            faults.push(format!("{name}:{}: SQL outside crates/store", index + 1));
        }
    }
}

/// One call of the operating system has no safe form; everything else has.
fn check_unsafe(name: &str, text: &str, faults: &mut Vec<String>) {
    if name == "crates/store/src/engine/sqlite/writeback.rs" || name.starts_with("crates/xtask/") {
        return;
    }
    for (index, line) in text.lines().enumerate().filter(|_| name.ends_with(".rs")) {
        if ["unsafe {", "unsafe fn", "unsafe impl", "unsafe extern", "unsafe_code"]
            .iter()
            .any(|word| line.contains(word))
        {
            faults.push(format!("{name}:{}: unsafe code", index + 1));
        }
    }
}

/// The domain cannot name the world.
fn check_domain(root: &Path, faults: &mut Vec<String>) {
    let manifest = fs::read_to_string(root.join("crates/domain/Cargo.toml")).unwrap_or_default();
    let dependencies =
        manifest.split("[dependencies]").nth(1).and_then(|rest| rest.split('[').next()).unwrap_or_default();
    for name in
        dependencies.lines().filter_map(|line| line.split(['.', ' ', '=']).next()).filter(|name| !name.is_empty())
    {
        if !["thiserror", "hmac", "sha2", "subtle"].contains(&name) {
            faults.push(format!("crates/domain depends on {name}"));
        }
    }
    let library = fs::read_to_string(root.join("crates/domain/src/lib.rs")).unwrap_or_default();
    if !library.contains("#![no_std]") {
        faults.push("crates/domain is not no_std".to_owned());
    }
}

/// Every path that the documents name is there.
fn check_map(root: &Path, faults: &mut Vec<String>) {
    let map = fs::read_to_string(root.join("ARCHITECTURE.md")).unwrap_or_default();
    if map.lines().count() > 150 {
        faults.push("ARCHITECTURE.md is longer than 150 lines".to_owned());
    }
    for document in ["ARCHITECTURE.md", "README.md", "CONTRIBUTING.md"] {
        let text = fs::read_to_string(root.join(document)).unwrap_or_default();
        let named = text
            .split('`')
            .skip(1)
            .step_by(2)
            .filter(|name| ["crates/", "docs/", "tests/", "bench/"].iter().any(|top| name.starts_with(top)));
        for name in named.map(|name| name.trim_end_matches('.')) {
            if !root.join(name).exists() {
                faults.push(format!("{document} names {name}, which is not there"));
            }
        }
    }
}
