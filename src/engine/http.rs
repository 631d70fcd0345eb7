//! Requests to a server that runs models: who gets the key, how long is waited, how much is taken.

use std::time::Duration;

use reqwest::header::{self, HeaderMap, HeaderName, HeaderValue};
use reqwest::{Method, Response, StatusCode, Url};
use tokio::time::timeout;

use crate::error::{Error, Result};

/// How lens introduces itself.
const USER_AGENT: &str = concat!("logit-lens/", env!("CARGO_PKG_VERSION"));
const CONNECT_TIMEOUT: Duration = Duration::from_secs(15);
/// The pauses after which a request is sent again that a server was too busy for, or that did not reach it.
const PAUSES: [Duration; 3] = [
    Duration::from_millis(300),
    Duration::from_secs(1),
    Duration::from_secs(3),
];
/// As much of a server's own words as a message quotes, in characters.
const QUOTED: usize = 300;

/// A secret, and the header that one server gets it in.
pub struct Key {
    pub header: HeaderName,
    /// What stands before the secret in the header's value.
    pub scheme: &'static str,
    pub secret: String,
}

/// A server at one address. Redirects are not followed, so that nobody else is told anything.
pub struct Client {
    client: reqwest::Client,
    base: Url,
    authorization: Option<(HeaderName, HeaderValue)>,
    secret: Option<String>,
    patience: Duration,
}

/// What a server answered.
pub struct Reply {
    pub status: StatusCode,
    pub body: Vec<u8>,
}

/// What is sent with a request.
pub struct Content<'a> {
    /// `Content-Type`.
    pub kind: &'a str,
    pub headers: Vec<(&'static str, String)>,
    pub body: Vec<u8>,
}

impl Client {
    /// A client of the server at `base`, which alone gets `key`. An answer is waited for as long as
    /// `patience`, to its last byte.
    ///
    /// # Errors
    /// A key that cannot be sent, or a machine that lacks what connections need.
    pub fn open(base: &Url, key: Option<Key>, patience: Duration) -> Result<Self> {
        // The ciphers of TLS; set already where a model came from the hub.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let mut headers = HeaderMap::new();
        // A compressed body could be of any length.
        headers.insert(header::ACCEPT_ENCODING, HeaderValue::from_static("identity"));
        let builder = match is_this_machine(base) {
            // What a proxy reaches under this name is another machine, which would be told the key.
            true => reqwest::Client::builder().no_proxy(),
            false => reqwest::Client::builder(),
        };
        let client = builder
            .user_agent(USER_AGENT)
            .default_headers(headers)
            .redirect(reqwest::redirect::Policy::none())
            .connect_timeout(CONNECT_TIMEOUT.min(patience))
            // Each request has a runtime of its own, which a connection does not outlive.
            .pool_max_idle_per_host(0)
            .build()
            .map_err(|e| no_connections(&reason(&e)))?;
        let secret = key.as_ref().map(|key| key.secret.clone());
        Ok(Self {
            client,
            base: base.clone(),
            authorization: key.map(authorization).transpose()?,
            secret,
            patience,
        })
    }

    /// The server's host and port, for messages.
    pub fn host(&self) -> String {
        let host = self.base.host_str().unwrap_or_default();
        match self.base.port() {
            Some(port) => format!("{host}:{port}"),
            None => host.to_string(),
        }
    }

    /// Whether a key is sent.
    pub fn has_key(&self) -> bool {
        self.authorization.is_some()
    }

    /// What is at `path`, of at most `most` bytes.
    ///
    /// # Errors
    /// No answer, none in time, one that broke off or is too large.
    pub fn get(&self, path: &str, most: usize) -> Result<Reply> {
        self.send(Method::GET, self.url(path), None, most)
    }

    /// What is at the server's address itself, of at most `most` bytes.
    ///
    /// # Errors
    /// As [`Client::get`].
    pub fn get_base(&self, most: usize) -> Result<Reply> {
        self.send(Method::GET, self.base.clone(), None, most)
    }

    /// The answer to `content`, of at most `most` bytes.
    ///
    /// # Errors
    /// As [`Client::get`].
    pub fn post(&self, path: &str, content: Content, most: usize) -> Result<Reply> {
        self.send(Method::POST, self.url(path), Some(content), most)
    }

    /// The answer to a request. One that did not reach the server, or that it was too busy for (429, 503), is sent
    /// again a few times: nothing has come of it.
    fn send(&self, method: Method, url: Url, content: Option<Content>, most: usize) -> Result<Reply> {
        let mut pauses = PAUSES.into_iter();
        loop {
            let (is_undone, answer) = self.send_once(&method, &url, content.as_ref(), most);
            match pauses.next().filter(|_| is_undone) {
                Some(pause) => std::thread::sleep(pause.min(self.patience)),
                None => return answer,
            }
        }
    }

    /// The answer to a request, and whether nothing has come of it.
    fn send_once(
        &self,
        method: &Method,
        url: &Url,
        content: Option<&Content>,
        most: usize,
    ) -> (bool, Result<Reply>) {
        let mut request = self.client.request(method.clone(), url.clone());
        if let Some((name, value)) = &self.authorization {
            request = request.header(name, value);
        }
        if let Some(content) = content {
            request = request.header(header::CONTENT_TYPE, content.kind);
            for (name, value) in &content.headers {
                request = request.header(*name, value);
            }
            request = request.body(content.body.clone());
        }
        let answer = async {
            match request.send().await {
                Ok(response) => {
                    let busy = [StatusCode::TOO_MANY_REQUESTS, StatusCode::SERVICE_UNAVAILABLE];
                    let is_undone = busy.contains(&response.status());
                    (is_undone, self.receive(response, most).await)
                }
                Err(e) => (e.is_connect(), Err(self.unreachable(&reason(&e)))),
            }
        };
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        let runtime = match runtime {
            Ok(runtime) => runtime,
            Err(e) => return (false, Err(no_connections(&e.to_string()))),
        };
        let answer = async { timeout(self.patience, answer).await };
        runtime
            .block_on(answer)
            .unwrap_or_else(|_| (false, Err(self.late())))
    }

    async fn receive(&self, mut response: Response, most: usize) -> Result<Reply> {
        let status = response.status();
        let announced = response.content_length().unwrap_or(0);
        if announced > most as u64 {
            return Err(self.too_large(most));
        }
        let mut body = Vec::new();
        while let Some(chunk) = response.chunk().await.map_err(|_| self.broken())? {
            if body.len() + chunk.len() > most {
                return Err(self.too_large(most));
            }
            body.extend_from_slice(&chunk);
        }
        Ok(Reply { status, body })
    }

    /// `path` below the server's address, which may have a path of its own.
    fn url(&self, path: &str) -> Url {
        let mut url = self.base.clone();
        let before = url.path().trim_end_matches('/').to_string();
        url.set_path(&format!("{before}{path}"));
        url
    }

    /// A server's own words, fit for the inside of a sentence and without the key.
    pub fn quoted(&self, text: &str) -> String {
        let text = match &self.secret {
            Some(secret) => text.replace(secret.as_str(), "(key)"),
            None => text.to_string(),
        };
        let words: Vec<&str> = text.split_whitespace().collect();
        let line = words.join(" ");
        line.trim_end_matches('.').chars().take(QUOTED).collect()
    }

    fn unreachable(&self, reason: &str) -> Error {
        Error::failed(
            format!("{} cannot be reached ({}).", self.host(), self.quoted(reason)),
            "Check the address that --remote gives, and that the server is running there.",
        )
    }

    fn late(&self) -> Error {
        Error::failed(
            format!(
                "{} gave no whole answer within {} s.",
                self.host(),
                self.patience.as_secs()
            ),
            "Wait longer with --timeout SECONDS, or read shorter prompts or fewer of them.",
        )
    }

    fn broken(&self) -> Error {
        Error::failed(
            format!(
                "The connection to {} broke off in the middle of an answer.",
                self.host()
            ),
            "Check the network and the server's own log, and run the same command again.",
        )
    }

    fn too_large(&self, most: usize) -> Error {
        Error::failed(
            format!(
                "{} answers with more than the {} bytes that this request can come to.",
                self.host(),
                most
            ),
            "Check that --remote gives the address of the server that is meant.",
        )
    }

    /// The error for an answer that is none to what was asked.
    pub fn odd(&self, what: &str) -> Error {
        Error::failed(
            format!(
                "{} answered in a way that lens does not understand ({}).",
                self.host(),
                self.quoted(what)
            ),
            "Check that --remote gives the address of the server that is meant, and that no proxy is in between.",
        )
    }
}

fn authorization(key: Key) -> Result<(HeaderName, HeaderValue)> {
    let value = HeaderValue::from_str(&format!("{}{}", key.scheme, key.secret));
    let mut value = value.map_err(|_| {
        Error::usage(
            "The key for the remote server has characters that no key has.",
            "Set the variable that holds it again.",
        )
    })?;
    value.set_sensitive(true);
    Ok((key.header, value))
}

fn no_connections(reason: &str) -> Error {
    Error::failed(
        format!("This machine cannot set up connections ({reason})."),
        "Install the system's CA certificates (often a package named ca-certificates).",
    )
}

/// Whether an address is of the machine that lens runs on.
fn is_this_machine(url: &Url) -> bool {
    let host = url.host_str().unwrap_or_default();
    let address = host.trim_matches(['[', ']']).parse::<std::net::IpAddr>();
    host == "localhost" || address.is_ok_and(|address| address.is_loopback())
}

/// The innermost cause, which is the one that says something: reqwest's own text only has the URL.
fn reason(error: &(dyn std::error::Error + 'static)) -> String {
    let mut cause = error;
    while let Some(source) = cause.source() {
        cause = source;
    }
    cause.to_string()
}

/// A variable of the environment that says something.
pub fn variable(name: &str) -> Option<String> {
    let value = std::env::var(name).ok()?;
    Some(value.trim().to_string()).filter(|value| !value.is_empty())
}
