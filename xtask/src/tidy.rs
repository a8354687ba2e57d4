//! What no compiler checks: who may import whom, how long a file may be, where `unsafe` may stand, and that
//! ARCHITECTURE.md names every crate.

use std::{
    fs,
    path::{Path, PathBuf},
};

use anyhow::{Context, Result, bail};

/// Which of our crates each crate may import, outside its tests. The binary may import all.
const MAY_IMPORT: &[(&str, &[&str])] = &[
    ("reseal-types", &[]),
    ("reseal-policy", &["reseal-types"]),
    ("reseal-crypto", &["reseal-types"]),
    ("reseal-sigv4", &["reseal-types", "reseal-crypto"]),
    ("reseal-core", &["reseal-types", "reseal-policy", "reseal-crypto"]),
    ("reseal-store-sqlite", &["reseal-core", "reseal-types"]),
    ("reseal-audit", &["reseal-core", "reseal-types", "reseal-crypto"]),
    ("reseal-custody", &["reseal-core", "reseal-types", "reseal-crypto", "reseal-sigv4"]),
    ("reseal-identity", &["reseal-core", "reseal-types", "reseal-policy", "reseal-crypto"]),
    ("reseal-server", &["reseal-core", "reseal-identity", "reseal-sigv4", "reseal-types"]),
    ("reseal-tests", &[]),
];

/// What a crate must not depend on: HTTP, runtimes and engines stay at the edges.
const MUST_NOT_IMPORT: &[(&str, &[&str])] = &[
    ("reseal-types", EDGES),
    ("reseal-policy", EDGES),
    ("reseal-crypto", EDGES),
    ("reseal-sigv4", EDGES),
    ("reseal-core", EDGES),
    ("reseal-identity", EDGES),
    ("reseal-server", &["rusqlite", "aws-lc-rs", "reseal-crypto"]),
    ("reseal-store-sqlite", &["hyper", "http", "aws-lc-rs", "reseal-policy", "reseal-crypto"]),
];

const EDGES: &[&str] =
    &["tokio", "hyper", "hyper-util", "http", "rustls", "tokio-rustls", "rusqlite", "reqwest"];

/// Files that may be longer than [`MOST_LINES`], each with the reason. This list only shrinks.
const LONG_FILES: &[(&str, &str)] = &[];

const MOST_LINES: usize = 500;

/// Files that may contain `unsafe`, each with the reason.
const UNSAFE_FILES: &[(&str, &str)] = &[
    ("crates/crypto/src/aws_lc.rs", "functions of AWS-LC that its safe bindings leave out"),
    ("crates/reseal/src/allocator.rs", "an allocator is unsafe to implement"),
];

/// Runs all checks and tells every finding.
pub(crate) fn run() -> Result<()> {
    let root = workspace_root()?;
    let mut findings = Vec::new();
    imports(&root, &mut findings)?;
    sources(&root, &mut findings)?;
    architecture(&root, &mut findings)?;
    for finding in &findings {
        println!("tidy: {finding}");
    }
    if findings.is_empty() {
        println!("tidy: nothing found");
        return Ok(());
    }
    bail!("{} findings", findings.len());
}

pub(crate) fn workspace_root() -> Result<PathBuf> {
    let manifest = Path::new(env!("CARGO_MANIFEST_DIR"));
    Ok(manifest.parent().context("xtask stands in the workspace")?.to_owned())
}

/// The manifests of all crates of the workspace, by package name.
fn manifests(root: &Path) -> Result<Vec<(String, toml::Table)>> {
    let mut found = Vec::new();
    let mut folders = vec![root.join("tests"), root.join("xtask")];
    for entry in fs::read_dir(root.join("crates"))? {
        folders.push(entry?.path());
    }
    for folder in folders {
        let text = fs::read_to_string(folder.join("Cargo.toml"))
            .with_context(|| format!("{} has no manifest", folder.display()))?;
        let manifest: toml::Table = text.parse()?;
        let name = manifest.get("package").and_then(|package| package.get("name"));
        let name = name.and_then(toml::Value::as_str).context("a package has a name")?;
        found.push((name.to_owned(), manifest));
    }
    found.sort_by(|one, other| one.0.cmp(&other.0));
    Ok(found)
}

fn dependencies(manifest: &toml::Table) -> Vec<String> {
    let table = manifest.get("dependencies").and_then(toml::Value::as_table);
    table.map(|table| table.keys().cloned().collect()).unwrap_or_default()
}

fn imports(root: &Path, findings: &mut Vec<String>) -> Result<()> {
    for (name, manifest) in manifests(root)? {
        let imported = dependencies(&manifest);
        let rule = MAY_IMPORT.iter().find(|(known, _)| *known == name);
        let ours = imported.iter().filter(|import| import.starts_with("reseal-"));
        match rule {
            Some((_, allowed)) => findings.extend(
                ours.filter(|import| !allowed.contains(&import.as_str()))
                    .map(|import| format!("{name} must not import {import}")),
            ),
            None if name == "reseal" || name == "xtask" => {}
            None => findings.push(format!("{name} is not in the import table")),
        }
        let banned =
            MUST_NOT_IMPORT.iter().filter(|(known, _)| *known == name).flat_map(|(_, banned)| *banned);
        let found = banned.filter(|banned| imported.iter().any(|import| import == *banned));
        findings.extend(found.map(|banned| format!("{name} must not depend on {banned}")));
    }
    Ok(())
}

fn sources(root: &Path, findings: &mut Vec<String>) -> Result<()> {
    let mut files = Vec::new();
    for folder in ["crates", "tests/src", "tests/tests", "tests/python", "tests/node", "xtask", "scripts"] {
        collect(&root.join(folder), &mut files)?;
    }
    for file in files {
        let name = file.strip_prefix(root)?.display().to_string();
        let text = fs::read_to_string(&file)?;
        let lines = text.lines().count();
        let excused = LONG_FILES.iter().any(|(known, _)| *known == name);
        if lines > MOST_LINES && !excused {
            findings.push(format!("{name} has {lines} lines, more than {MOST_LINES}"));
        }
        if lines <= MOST_LINES && excused {
            findings.push(format!("{name} is short enough: take it off the list of long files"));
        }
        let has_unsafe =
            text.lines().any(|line| line.trim_start().starts_with("unsafe ") || line.contains("= unsafe {"));
        if name.starts_with("crates/") && has_unsafe && !UNSAFE_FILES.iter().any(|(known, _)| *known == name)
        {
            findings.push(format!("{name} contains unsafe code"));
        }
        let is_crate_root =
            name.starts_with("crates/") && (name.ends_with("src/lib.rs") || name.ends_with("src/main.rs"));
        if is_crate_root && !text.contains(ban_on_unsafe(&name)) {
            findings.push(format!("{name} does not forbid unsafe code"));
        }
        if file.extension().is_some_and(|extension| extension == "rs")
            && !text.starts_with("//!")
            && !name.contains("/tests")
        {
            findings.push(format!("{name} does not say what it is for"));
        }
    }
    Ok(())
}

/// What a crate root must say: a ban that nothing below can lift, unless a file of the crate is excused.
fn ban_on_unsafe(root: &str) -> &'static str {
    let folder = root.trim_end_matches("lib.rs").trim_end_matches("main.rs");
    let excused = UNSAFE_FILES.iter().any(|(file, _)| file.starts_with(folder));
    if excused { "#![deny(unsafe_code)]" } else { "#![forbid(unsafe_code)]" }
}

/// Source files below `folder`, without what tools put there.
fn collect(folder: &Path, files: &mut Vec<PathBuf>) -> Result<()> {
    if !folder.exists() {
        return Ok(());
    }
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        let skipped = ["node_modules", "target", "__pycache__", ".pytest_cache", "vectors"];
        if path.is_dir() {
            if !path.file_name().is_some_and(|name| skipped.iter().any(|skip| name == *skip)) {
                collect(&path, files)?;
            }
        } else if path
            .extension()
            .is_some_and(|extension| ["rs", "py", "mjs", "sh"].iter().any(|e| extension == *e))
        {
            files.push(path);
        }
    }
    Ok(())
}

fn architecture(root: &Path, findings: &mut Vec<String>) -> Result<()> {
    let text = fs::read_to_string(root.join("ARCHITECTURE.md")).context("ARCHITECTURE.md")?;
    for entry in fs::read_dir(root.join("crates"))? {
        let name = entry?.file_name().to_string_lossy().into_owned();
        if !text.contains(&format!("`crates/{name}`")) {
            findings.push(format!("ARCHITECTURE.md does not mention `crates/{name}`"));
        }
    }
    for named in
        text.split('`').filter(|word| word.starts_with("crates/") && !word.contains(['*', ' ', '{', '<']))
    {
        if !root.join(named).exists() {
            findings.push(format!("ARCHITECTURE.md names `{named}`, which is not there"));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_import_against_the_table_is_found() {
        let root = std::env::temp_dir().join(format!("tidy-{}", std::process::id()));
        for (folder, manifest) in [
            ("crates/types", "[package]\nname='reseal-types'\n[dependencies]\nreseal-core={}\ntokio='1'"),
            ("crates/new", "[package]\nname='reseal-new'"),
            ("tests", "[package]\nname='reseal-tests'"),
            ("xtask", "[package]\nname='xtask'"),
        ] {
            fs::create_dir_all(root.join(folder)).unwrap();
            fs::write(root.join(folder).join("Cargo.toml"), manifest).unwrap();
        }
        let mut findings = Vec::new();
        imports(&root, &mut findings).unwrap();
        fs::remove_dir_all(&root).unwrap();
        let expected = [
            "reseal-new is not in the import table",
            "reseal-types must not import reseal-core",
            "reseal-types must not depend on tokio",
        ];
        assert_eq!(findings, expected);
    }

    #[test]
    fn this_tree_is_tidy() {
        run().unwrap();
    }
}
