//! A result, on whatever server it lies.

use super::{ask, ask_with, server};
use crate::server::{Response, Server};
use crate::{KEY, assert_fails};

fn completed(address: &str) -> String {
    format!(r#"{{"id": "abc", "status": "COMPLETED", "description": "", "data": "{address}"}}"#)
}

/// An archive as `torch.save` makes it, with one file `data.pkl`.
fn archive(pickle: &[u8]) -> Vec<u8> {
    let name = b"archive/data.pkl";
    let mut bytes = b"PK\x03\x04".to_vec();
    bytes.extend([0; 14]);
    bytes.extend((pickle.len() as u32).to_le_bytes());
    bytes.extend((pickle.len() as u32).to_le_bytes());
    bytes.extend((name.len() as u16).to_le_bytes());
    bytes.extend([0; 2]);
    bytes.extend(name);
    bytes.extend(pickle);
    let list = bytes.len() as u32;
    bytes.extend(b"PK\x01\x02");
    bytes.extend([0; 16]);
    bytes.extend((pickle.len() as u32).to_le_bytes());
    bytes.extend((pickle.len() as u32).to_le_bytes());
    bytes.extend((name.len() as u16).to_le_bytes());
    bytes.extend([0; 16]);
    bytes.extend(name);
    let length = bytes.len() as u32 - list;
    bytes.extend(b"PK\x05\x06\0\0\0\0\x01\0\x01\0");
    bytes.extend(length.to_le_bytes());
    bytes.extend(list.to_le_bytes());
    bytes.extend([0; 2]);
    bytes
}

fn string(text: &str) -> Vec<u8> {
    let mut pickle = b"\x80\x02}q\x00X\x04\x00\x00\x00lensq\x01X".to_vec();
    pickle.extend((text.len() as u32).to_le_bytes());
    pickle.extend(text.as_bytes());
    pickle.extend(b"q\x02s.");
    archive(&pickle)
}

/// A server whose result lies on another one.
fn with_result(result: Response) -> (Server, Server) {
    let storage = Server::start(move |_| result.clone());
    let address = completed(&format!("{}/result?signed=yes", storage.address));
    let gateway =
        server(move |request| (request.path == "/response/abc").then(|| Response::new(200, address.clone())));
    (gateway, storage)
}

/// What a result for the tokens 5 and 9 is marked with, and its type.
const MARK: &str = r#""mark": "de7ed99ab4c1295e", "dtype": "torch.float32""#;

/// A result for the output alone, with one token a row.
fn result(row: &str, followed: &str) -> Vec<u8> {
    string(&format!(
        r#"{{{MARK}, "vocabulary": 320, "followed": [{followed}], "rows": [{row}]}}"#
    ))
}

#[test]
fn numbers_that_no_distribution_has_are_refused() {
    let row = |ids: &str, sum: &str, entropy: &str| {
        format!(
            r#"{{"ids": [[{ids}]], "logits": [[2.0, 1.0]], "log_sum_exp": [{sum}], "entropy": [{entropy}],
                "forward_kl": [0], "reverse_kl": [0], "next": [null], "js": [], "tv": []}}"#
        )
    };
    let followed = |rank: u64| format!(r#"{{"ids": [7], "logits": [[2.0]], "ranks": [[{rank}]]}}"#);
    let right = row("7, 8", "3.0", "2.0");
    for (row, rank, problem) in [
        (row("7, 8", "1.0", "2.0"), 1, "cannot be"),
        (row("7, 7", "3.0", "2.0"), 1, "cannot be"),
        (row("7, 320", "3.0", "2.0"), 1, "cannot be"),
        (row("7, 8", "3.0", "-1.0"), 1, "cannot be"),
        (row("7, 8", "3.0", "6.0"), 1, "cannot be"),
        (right.clone(), 0, "not those that were asked for"),
        (right.clone(), 321, "not those that were asked for"),
    ] {
        let (gateway, _storage) = with_result(Response::new(200, result(&row, &followed(rank))));
        let said = ask_with(&gateway, &["--layers", "-1", "-k", "2", "--track", "id:7"], None);
        assert_fails(&said, 1, problem);
    }
    let (gateway, _storage) = with_result(Response::new(200, result(&right, &followed(1))));
    let said = ask_with(&gateway, &["--layers", "-1", "-k", "2", "--track", "id:7"], None);
    assert_eq!(said.code, Some(0), "{said:?}");
}

#[test]
fn results_that_are_not_the_one_string_are_refused() {
    let one = |name: &str| name.to_string();
    for (result, problem) in [
        (b"no archive".to_vec(), one("its result is no archive of torch")),
        (
            archive(b"\x80\x02cos\nsystem\nX\x02\0\0\0lsR."),
            one("not the one string"),
        ),
        (archive(b"\x80\x04}."), one("not the one string")),
        (string("[]"), one("does not understand")),
        (
            string(&format!(
                r#"{{{MARK}, "rows": [], "followed": [], "vocabulary": 320}}"#
            )),
            one("another number of rows"),
        ),
        (
            string(&format!(
                r#"{{{MARK}, "rows": [], "followed": [], "vocabulary": 7}}"#
            )),
            one("another model under this name"),
        ),
        (
            string(r#"{"mark": "00", "dtype": "a", "rows": [], "followed": [], "vocabulary": 320}"#),
            one("numbers of another request"),
        ),
        (string(r#"{"vocabulary": NaN}"#), one("not all finite")),
    ] {
        let (gateway, _storage) = with_result(Response::new(200, result));
        assert_fails(&ask(&gateway), 1, &problem);
    }
}

#[test]
fn the_key_goes_to_the_server_and_not_to_where_the_result_is() {
    let (gateway, storage) = with_result(Response::new(200, string("[]")));
    let said = ask_with(&gateway, &[], Some(("NDIF_API_KEY", KEY)));
    assert_fails(&said, 1, "does not understand");
    assert!(
        gateway
            .requests()
            .iter()
            .all(|request| request.header("ndif-api-key") == Some(KEY))
    );
    let fetched = storage.requests();
    assert_eq!(
        (fetched.len(), fetched[0].path.as_str()),
        (1, "/result?signed=yes")
    );
    assert!(fetched[0].headers.iter().all(|(_, value)| !value.contains(KEY)));
}

#[test]
fn results_that_are_nowhere_break_off_or_are_huge_are_given_up() {
    let cut = Response {
        cut: Some(5),
        ..Response::new(200, string("[]"))
    };
    assert_fails(&ask(&with_result(cut).0), 1, "broke off in the middle");
    let huge = Response {
        announced: Some(1 << 40),
        ..Response::new(200, "")
    };
    assert_fails(&ask(&with_result(huge).0), 1, "answers with more than");
    assert_fails(
        &ask(&with_result(Response::new(403, "")).0),
        1,
        "does not give it (status 403)",
    );
    for address in ["file:///etc/passwd", "nowhere", ""] {
        let text = completed(address);
        let server = server(move |request| {
            (request.path == "/response/abc").then(|| Response::new(200, text.clone()))
        });
        assert_fails(&ask(&server), 1, "no web address");
    }
}
