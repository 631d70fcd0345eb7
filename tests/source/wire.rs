//! As much of HTTP/1.1 as the tests' servers speak.

use std::collections::HashMap;
use std::io::{BufRead, BufReader, Write};
use std::net::TcpStream;
use std::time::Duration;

/// A request as it came in.
#[derive(Clone, Debug)]
pub struct Request {
    pub method: String,
    pub path: String,
    pub headers: HashMap<String, String>,
    /// Whether the storage was asked rather than the hub.
    pub storage: bool,
}

impl Request {
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).map(String::as_str)
    }

    /// The last byte asked for, from `Range: bytes=100-199`.
    pub fn range_last(&self) -> Option<usize> {
        let range = self.header("range")?.strip_prefix("bytes=")?;
        range.split_once('-')?.1.parse().ok()
    }

    /// From `Range: bytes=100-`.
    pub fn range_start(&self) -> Option<usize> {
        self.header("range")?
            .strip_prefix("bytes=")?
            .split('-')
            .next()?
            .parse()
            .ok()
    }
}

/// The request that opens a connection; none if the client has gone.
pub fn read_request(stream: &TcpStream, storage: bool) -> Option<Request> {
    let mut lines = BufReader::new(stream).lines();
    let first = lines.next()?.ok()?;
    let mut words = first.split(' ').map(str::to_string);
    let (method, path) = (words.next()?, words.next()?);
    let mut headers = HashMap::new();
    for line in lines {
        let line = line.ok()?;
        let Some((name, value)) = line.split_once(": ") else {
            break;
        };
        headers.insert(name.to_ascii_lowercase(), value.to_string());
    }
    Some(Request {
        method,
        path,
        headers,
        storage,
    })
}

/// An answer, and how much of it is sent.
pub struct Response {
    status: u16,
    headers: Vec<(&'static str, String)>,
    body: Vec<u8>,
    /// The connection ends after so many bytes of the body.
    pub sent: usize,
    /// The body is sent in pieces of so many bytes, with a pause after each.
    pub pieces: (usize, Duration),
    /// The headers are sent so many bytes at a time, with as long a pause after each.
    pub trickle: Option<(usize, Duration)>,
}

impl Response {
    pub fn new(status: u16, body: Vec<u8>) -> Self {
        let sent = body.len();
        Self {
            status,
            headers: Vec::new(),
            body,
            sent,
            pieces: (64 * 1024, Duration::ZERO),
            trickle: None,
        }
    }

    pub fn with(mut self, name: &'static str, value: impl ToString) -> Self {
        self.headers.push((name, value.to_string()));
        self
    }

    pub fn send(&self, mut stream: TcpStream, head: bool) -> std::io::Result<()> {
        let mut text = format!("HTTP/1.1 {} -\r\n", self.status);
        if !self.headers.iter().any(|(name, _)| *name == "Content-Length") {
            text.push_str(&format!("Content-Length: {}\r\n", self.body.len()));
        }
        for (name, value) in &self.headers {
            text.push_str(&format!("{name}: {value}\r\n"));
        }
        text.push_str("Connection: close\r\n\r\n");
        let (size, pause) = self.trickle.unwrap_or((text.len(), Duration::ZERO));
        for piece in text.as_bytes().chunks(size) {
            stream.write_all(piece)?;
            std::thread::sleep(pause);
        }
        if !head {
            let (size, pause) = self.pieces;
            for piece in self.body[..self.sent].chunks(size) {
                stream.write_all(piece)?;
                std::thread::sleep(pause);
            }
        }
        stream.flush()
    }
}
