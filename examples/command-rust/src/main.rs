//! Counts the words of the files named, or of standard input.
//!
//!   lattice run examples/command-rust/command.wasm -- < README.md
//!
//! Exit status 1 if a file cannot be read.

use std::collections::BTreeMap;
use std::io::Read;

fn count(text: &str, counts: &mut BTreeMap<String, usize>) {
    for word in text.split(|c: char| !c.is_alphanumeric()).filter(|w| !w.is_empty()) {
        *counts.entry(word.to_lowercase()).or_default() += 1;
    }
}

fn read(path: Option<&str>) -> std::io::Result<String> {
    let mut text = String::new();
    match path {
        Some(path) => std::fs::File::open(path)?.read_to_string(&mut text)?,
        None => std::io::stdin().read_to_string(&mut text)?,
    };
    Ok(text)
}

fn main() {
    let names: Vec<String> = std::env::args().skip(1).collect();
    let inputs: Vec<Option<&str>> =
        if names.is_empty() { vec![None] } else { names.iter().map(|n| Some(n.as_str())).collect() };
    let (mut counts, mut failed) = (BTreeMap::new(), false);
    for input in inputs {
        match read(input) {
            Ok(text) => count(&text, &mut counts),
            Err(e) => {
                eprintln!("read {}: {e}", input.unwrap_or("standard input"));
                failed = true;
            }
        }
    }
    let mut list: Vec<(&String, &usize)> = counts.iter().collect();
    list.sort_by_key(|(word, n)| (std::cmp::Reverse(**n), word.as_str()));
    for (word, n) in list {
        println!("{n:7} {word}");
    }
    if failed {
        std::process::exit(1);
    }
}
