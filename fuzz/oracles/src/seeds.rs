// SPDX-License-Identifier: Apache-2.0 OR MIT
//! `fuzz-seeds list` names the targets; `fuzz-seeds write FOLDER` writes each one's seeds into `FOLDER/TARGET`.
#![allow(clippy::expect_used)]

use std::path::PathBuf;

use cofferdam_fuzz_oracles::TARGETS;

fn main() {
    let mut arguments = std::env::args().skip(1);
    match (arguments.next().as_deref(), arguments.next()) {
        (Some("list"), None) => TARGETS.iter().for_each(|target| println!("{}", target.name)),
        (Some("write"), Some(folder)) => {
            for target in TARGETS {
                let folder = PathBuf::from(&folder).join(target.name);
                std::fs::create_dir_all(&folder).expect("a folder that can be made");
                for (at, seed) in (target.seeds)().into_iter().enumerate() {
                    std::fs::write(folder.join(format!("seed-{at}")), seed)
                        .expect("a folder that can be written");
                }
            }
        }
        _ => {
            eprintln!("usage: fuzz-seeds list | write FOLDER");
            std::process::exit(2);
        }
    }
}
