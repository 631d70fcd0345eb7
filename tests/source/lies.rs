//! The wrong answers of a hub that has gone bad.

use crate::bench::{ID, OLD, small};
use crate::malicious::{TOKEN, World};
use crate::wire::{Request, Response};

/// A wrong answer: what is wrong with it, and the answer to a request.
pub type Lie = (String, Box<dyn Fn(&Request) -> Response + Send + Sync>);

impl World {
    /// An answer about the file that is asked for, true but for what the caller changes.
    fn about(&self) -> impl Fn(&Request) -> (Vec<u8>, String) + Clone + Send + Sync + use<> {
        let files = self.files.clone();
        move |request| {
            let name = request.path.rsplit('/').next().unwrap_or_default();
            let content = files.get(name).cloned().unwrap_or_else(|| small("{}"));
            (content.bytes.clone(), content.etag())
        }
    }

    /// All of them.
    pub fn lies(&self) -> Vec<Lie> {
        let mut lies = self.headers();
        lies.extend(self.redirects());
        lies.extend(self.bodies());
        lies
    }

    /// Everything that an answer announces, wrong.
    fn headers(&self) -> Vec<Lie> {
        let victim = self.victim();
        let mut lies: Vec<Lie> = Vec::new();
        let (f64, f40) = ("f".repeat(64), "f".repeat(40));
        for etag in [
            "",
            "..",
            "a",
            &f64,
            &f40,
            &format!("{f64}-gzip"),
            &format!("{victim}/.ssh/authorized_keys"),
            &format!("../../../../../../../../..{victim}/.ssh/authorized_keys"),
            &self.files["tokenizer.json"].etag(),
            TOKEN,
        ] {
            let (about, value) = (self.about(), format!("\"{etag}\""));
            lies.push((
                format!("etag {etag:?}"),
                Box::new(move |request| answer(about(request).0, &value, OLD)),
            ));
        }
        for commit in [
            "",
            "..",
            "../../victim",
            &victim,
            &"b".repeat(40),
            &"a".repeat(39),
            TOKEN,
        ] {
            let (about, value) = (self.about(), commit.to_string());
            lies.push((
                format!("commit {commit:?}"),
                Box::new(move |request| {
                    let (bytes, etag) = about(request);
                    answer(bytes, &etag, &value)
                }),
            ));
        }
        for size in ["0", "1", "-1", "1125899906842624", "18446744073709551615", "many"] {
            let about = self.about();
            lies.push((
                format!("size {size}"),
                Box::new(move |request| {
                    let (bytes, etag) = about(request);
                    answer(bytes, &etag, OLD).with("X-Linked-Size", size)
                }),
            ));
        }
        let refusals = [
            (404, "EntryNotFound"),
            (404, "RepoNotFound"),
            (404, "RevisionNotFound"),
            (401, "GatedRepo"),
            (403, ""),
            (200, ""),
            (204, ""),
            (206, ""),
            (304, ""),
            (416, ""),
            (500, TOKEN),
        ];
        for (status, code) in refusals {
            let victim = victim.clone();
            lies.push((
                format!("status {status} {code}"),
                Box::new(move |_| {
                    Response::new(status, TOKEN.into())
                        .with("X-Error-Code", code)
                        .with("X-Error-Message", TOKEN)
                        .with("X-Repo-Commit", &victim)
                }),
            ));
        }
        lies
    }

    /// Redirects that announce a file, and those that do not, to where one should not go.
    fn redirects(&self) -> Vec<Lie> {
        let stranger = self.stranger.endpoint.trim_start_matches("http://").to_string();
        let mut lies: Vec<Lie> = Vec::new();
        for location in [
            format!("/\\{stranger}/x"),
            format!("\\\\{stranger}/x"),
            format!("\\/{stranger}/x"),
            format!("/\t/{stranger}/x"),
            format!("//{stranger}/x"),
            format!("http:{stranger}/x"),
            format!("http://{stranger}/{ID}/resolve/main/config.json"),
            format!(
                "http://{}@{stranger}/x",
                self.hub.endpoint.trim_start_matches("http://")
            ),
            format!("{}@{stranger}/x", self.hub.endpoint),
            format!("file://{}/config.json", self.victim()),
            "ftp://127.0.0.1/x".to_string(),
            "data:,x".to_string(),
            "http://".to_string(),
            String::new(),
            format!("/loop/{TOKEN}"),
            format!("/{ID}/resolve/main/config.json"),
        ] {
            for announced in [true, false] {
                let (about, location) = (self.about(), location.clone());
                lies.push((
                    format!("location {location:?}, announced: {announced}"),
                    Box::new(move |request| {
                        let (bytes, etag) = about(request);
                        let response = Response::new(307, Vec::new()).with("Location", &location);
                        if !announced {
                            return response;
                        }
                        response
                            .with("X-Repo-Commit", OLD)
                            .with("X-Linked-ETag", format!("\"{etag}\""))
                            .with("X-Linked-Size", bytes.len())
                    }),
                ));
            }
        }
        lies
    }

    /// Other bytes than were announced.
    fn bodies(&self) -> Vec<Lie> {
        let change = |what: &str, change: fn(&mut Vec<u8>)| -> Lie {
            let about = self.about();
            (
                format!("body {what}"),
                Box::new(move |request| {
                    let (mut bytes, etag) = about(request);
                    change(&mut bytes);
                    answer(bytes, &etag, OLD)
                }),
            )
        };
        let about = self.about();
        let compressed = move |request: &Request| {
            let (bytes, etag) = about(request);
            answer(bytes, &etag, OLD).with("Content-Encoding", "gzip")
        };
        let about = self.about();
        let shifted = move |request: &Request| {
            let (bytes, _) = about(request);
            let range = format!("bytes 5-{}/{}", bytes.len(), bytes.len() + 1);
            Response::new(206, bytes).with("Content-Range", range)
        };
        let about = self.about();
        let xet = move |request: &Request| {
            let (bytes, etag) = about(request);
            answer(bytes, &etag, OLD).with("X-Xet-Hash", TOKEN)
        };
        vec![
            change("empty", Vec::clear),
            change("shorter", |bytes| bytes.truncate(bytes.len() / 2)),
            change("longer", |bytes| bytes.extend([0; 1 << 20])),
            change("with another end", |bytes| {
                if let Some(last) = bytes.last_mut() {
                    *last ^= 1;
                }
            }),
            ("body said to be compressed".into(), Box::new(compressed)),
            ("body said to be from the middle".into(), Box::new(shifted)),
            ("a xet hash".into(), Box::new(xet)),
        ]
    }
}

/// A file with this hash at this commit.
pub fn answer(bytes: Vec<u8>, etag: &str, commit: &str) -> Response {
    Response::new(200, bytes)
        .with("ETag", format!("\"{}\"", etag.trim_matches('"')))
        .with("X-Repo-Commit", commit)
}
