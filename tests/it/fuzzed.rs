//! Damaged input, on any Rust: the targets of `fuzz/` over their corpora and
//! over mutations of them, the same in every run.
//!
//! `PGSYNC_FUZZ_INPUTS` says how many mutations each target gets.

#[path = "../../fuzz/targets.rs"]
mod targets;

use std::panic::{RefUnwindSafe, catch_unwind};
use std::path::Path;
use targets::TARGETS;

const USUALLY: u64 = 3_000;

/// Pieces that mean something to one of the parsers.
const PIECES: [&[u8]; 40] = [
    b"\"",
    b"'",
    b"=",
    b"[",
    b"]",
    b"{",
    b"}",
    b"(",
    b")",
    b",",
    b";",
    b":",
    b"/",
    b"@",
    b"%",
    b"?",
    b"&",
    b"#",
    b"$",
    b"${",
    b"$${",
    b"$x$",
    b"\\",
    b"--",
    b"/*",
    b"\n",
    b"\r\n",
    b"\0",
    b"\xff",
    b"\xef\xbb\xbf",
    b"\xe0\xae\xa4",
    b"%00",
    b"%zz",
    b"18446744073709551616",
    b"-1",
    b"1e309",
    b"'''",
    b"\"\"\"",
    b"postgres://",
    b"true",
];

/// A small generator of Marsaglia's (xorshift64).
struct Dice(u64);

impl Dice {
    fn below(&mut self, limit: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 >> 8).unwrap() % limit.max(1)
    }

    fn one_of<'a, T: ?Sized>(&mut self, things: &[&'a T]) -> &'a T {
        things[self.below(things.len())]
    }

    /// One to eight changes to an input.
    fn damage(&mut self, corpus: &[Vec<u8>]) -> Vec<u8> {
        let mut input = corpus[self.below(corpus.len())].clone();
        for _ in 0..=self.below(8) {
            let at = self.below(input.len() + 1);
            let to = (at + self.below(9)).min(input.len());
            match self.below(6) {
                0 => drop(input.drain(at..to)),
                1 => drop(input.splice(at..at, self.one_of(&PIECES).to_vec())),
                2 => drop(input.splice(at..to, self.one_of(&PIECES).to_vec())),
                3 => {
                    let part = input[at..to].to_vec();
                    input.splice(at..at, part);
                }
                4 if at < input.len() => {
                    input[at] = u8::try_from(self.below(256)).unwrap();
                }
                _ => {
                    let other = &corpus[self.below(corpus.len())];
                    let from = self.below(other.len() + 1);
                    input.truncate(at);
                    input.extend_from_slice(&other[from..]);
                }
            }
        }
        input
    }
}

fn corpus(name: &str) -> Vec<Vec<u8>> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/corpus").join(name);
    let mut files: Vec<_> = folder.read_dir().unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    files.iter().map(|file| std::fs::read(file).unwrap()).collect()
}

fn throw(name: &str, target: impl Fn(&[u8]) + RefUnwindSafe, inputs: u64) -> u64 {
    let corpus = corpus(name);
    let mut dice = Dice(0x9e37_79b9_7f4a_7c15);
    let damaged = (0..inputs).map(|_| dice.damage(&corpus)).collect::<Vec<_>>();
    let all = corpus.iter().chain(&damaged);
    for input in all.clone() {
        let survived = catch_unwind(|| target(input));
        assert!(survived.is_ok(), "{name} does not survive {:?}", String::from_utf8_lossy(input));
    }
    all.count() as u64
}

#[test]
fn no_input_makes_a_parser_panic() {
    let asked = std::env::var("PGSYNC_FUZZ_INPUTS").ok();
    let inputs = asked.map_or(USUALLY, |number| number.parse().unwrap());
    for (name, _) in TARGETS {
        let thrown = throw(name, |input| targets::run(name, input), inputs);
        println!("{name}: {thrown} inputs, no panic");
    }
}

/// A target that panics is found out.
#[test]
fn a_panic_would_be_seen() {
    let weak = |input: &[u8]| assert!(!input.contains(&b'%'), "of the test's own");
    assert!(catch_unwind(|| throw("duration", weak, 500)).is_err());
}
