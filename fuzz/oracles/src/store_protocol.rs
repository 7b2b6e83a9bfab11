// SPDX-License-Identifier: Apache-2.0 OR MIT
//! store_driver with a hostile client, and wasm_manager's side with a hostile driver. The first byte says which.

use cofferdam_shared_memory::SharedRegion;
use cofferdam_store::Server;
use cofferdam_store_protocol::{Answer, BLOB_BYTES_MAX, Call, Client, RECORD_BYTES_MAX, Status, WORDS_MAX};

use crate::script::Script;
use crate::store::Disk;

thread_local! {
    static REGIONS: [SharedRegion; 2] = [SharedRegion::leaked(BLOB_BYTES_MAX), SharedRegion::leaked(BLOB_BYTES_MAX)];
}

/// A server answers each message with a status and as many words as it promises; a client believes nothing that it
/// could not have asked for.
pub fn run(input: &[u8]) -> bool {
    let mut script = Script(input);
    let [request, reply] = REGIONS.with(|regions| *regions);
    if script.byte() % 2 == 0 { server(script, request, reply) } else { client(script, request, reply) }
}

fn server(mut script: Script<'_>, request: SharedRegion, reply: SharedRegion) -> bool {
    let mut server = Server::new(Ok(Disk::default()), request, reply);
    let mut accepted = false;
    while let Some(label) = script.step() {
        let count = usize::from(script.byte()) % 5;
        let mut words = [0; 4];
        for word in words.iter_mut().take(count) {
            // Small numbers most of the time, any sometimes.
            *word = match script.byte() {
                255 => script.u64(),
                254 => script.u32().into(),
                small => small.into(),
            };
        }
        let label = if label == 255 { script.u64() } else { u64::from(label % 12) };
        let answer = server.serve(label, words.get(..count).unwrap_or(&words));
        let status = Status::from_label(answer.label).expect("a status that exists");
        let promised = match (status, label) {
            (Status::Ok, 1) => 3,
            (Status::Ok, 2 | 3 | 8) => 1,
            _ => 0,
        };
        assert_eq!(answer.count, promised, "request {label}: {status}");
        accepted |= status == Status::Ok;
    }
    accepted
}

/// A driver that answers as the script says.
struct Liar<'a>(Script<'a>);

impl Call for Liar<'_> {
    fn call(&mut self, label: u64, _words: &[u64]) -> Answer {
        let script = &mut self.0;
        let kind = script.byte();
        let word = |script: &mut Script<'_>| match script.byte() {
            255 => script.u64(),
            small => small.into(),
        };
        let words = std::array::from_fn(|_| word(script));
        let honest = match label {
            1 => WORDS_MAX,
            2 | 3 | 8 => 1,
            _ => 0,
        };
        let count = if kind & 1 == 0 { honest } else { usize::from(script.byte()) };
        let label = if kind & 2 == 0 { Status::Ok as u64 } else { word(script) };
        Answer { label, words, count }
    }
}

fn client(script: Script<'_>, request: SharedRegion, reply: SharedRegion) -> bool {
    let rounds = script.0.len() / 4 + 1;
    let mut client = Client::new(Liar(script), request, reply);
    let mut accepted = false;
    let mut buffer = vec![0; RECORD_BYTES_MAX];
    for _ in 0..rounds.min(64) {
        if let Ok(opened) = client.open() {
            accepted |= opened.places > 0;
        }
        let small = 16;
        if let Ok(length) = client.read_record(1, &mut buffer[..small]) {
            assert!((1..=small).contains(&length));
        }
        if let Ok(length) = client.read_blob(1, &mut buffer) {
            assert!((1..=RECORD_BYTES_MAX).contains(&length));
        }
        accepted |= client.put_record(1, b"record").is_ok();
        accepted |= client.commit().is_ok();
        assert!(client.put_record(1, &vec![0; RECORD_BYTES_MAX + 1]).is_err());
    }
    accepted
}

/// An honest session of each side, and lies about words and labels.
pub fn seeds() -> Vec<Vec<u8>> {
    vec![
        vec![0, 1, 0, 4, 2, 5, 9, 6, 2, 3, 20, 8, 0, 2, 1, 5, 3, 1, 3, 7, 1, 3, 8, 0, 9, 0],
        vec![0, 4, 2, 5, 255, 0, 0, 1, 0, 0, 0, 0, 0, 2, 2, 5, 5, 255, 1, 2, 3, 4, 5, 6, 7, 8],
        vec![1, 0, 3, 4, 1, 0, 16, 0, 0, 0, 16, 0, 0, 0, 0, 0, 0, 0, 7, 0, 0],
        vec![1, 1, 3, 4, 9, 7, 0, 255, 255, 255, 255, 255, 255, 255, 255, 255, 0, 0],
    ]
}
