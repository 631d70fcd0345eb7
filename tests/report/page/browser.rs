//! A page in a real browser, and what the browser says of it.

use std::path::PathBuf;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use headless_chrome::browser::default_executable;
use headless_chrome::browser::tab::ModifierKey;
use headless_chrome::protocol::cdp::types::Event;
use headless_chrome::protocol::cdp::{Emulation, Network, Page};
use headless_chrome::{Browser, LaunchOptions, Tab};
use serde_json::Value;
use tempfile::TempDir;

use crate::support::lens;

/// Where it is set, a machine without a browser fails the tests instead of leaving them out.
const REQUIRED: &str = "LENS_REQUIRE_BROWSER";

/// A busy machine is slow, not wrong.
const PATIENCE: Duration = Duration::from_secs(60);

/// A run's page in a browser of its own, with the JSON that the same run wrote.
pub struct Opened {
    pub json: Value,
    pub tab: Arc<Tab>,
    /// Requests and complaints, as they come.
    seen: Arc<Mutex<Seen>>,
    visits: AtomicUsize,
    /// Ended before its files go.
    _browser: Browser,
    files: TempDir,
}

#[derive(Default)]
struct Seen {
    requests: Vec<String>,
    complaints: Vec<String>,
}

/// The page of a run with `args`; none on a machine without a browser.
pub fn open(args: &[&str]) -> Option<Opened> {
    let browser = launch()?;
    let files = TempDir::new().unwrap();
    let path = |name: &str| files.path().join(name);
    let written = (lens().args(args).arg("-q"))
        .arg("-o")
        .arg(path("lens.html"))
        .arg("-o")
        .arg(path("lens.json"))
        .output()
        .unwrap();
    assert!(
        written.status.success(),
        "{}",
        String::from_utf8_lossy(&written.stderr)
    );
    let json = std::fs::read_to_string(path("lens.json")).unwrap();
    let tab = browser.new_tab().unwrap();
    tab.set_default_timeout(PATIENCE);
    let seen = Arc::new(Mutex::new(Seen::default()));
    watch(&tab, &seen);
    let opened = Opened {
        json: serde_json::from_str(&json).unwrap(),
        tab,
        seen,
        visits: AtomicUsize::new(0),
        _browser: browser,
        files,
    };
    opened.go("");
    Some(opened)
}

fn launch() -> Option<Browser> {
    let path = match default_executable() {
        Ok(path) => path,
        Err(error) => {
            assert!(std::env::var_os(REQUIRED).is_none(), "no browser: {error}");
            eprintln!("left out: this machine has no Chrome or Chromium that the page could be opened in");
            return None;
        }
    };
    let options = LaunchOptions {
        path: Some(path),
        // The page is ours, and a container's root may have no sandbox.
        sandbox: false,
        window_size: Some((1280, 1000)),
        idle_browser_timeout: Duration::from_secs(300),
        args: vec!["--disable-component-update".as_ref(), "--disable-quic".as_ref()],
        ..LaunchOptions::default()
    };
    Some(Browser::new(options).unwrap())
}

/// Notes every request, and every error or warning, from the page's first byte on.
fn watch(tab: &Tab, seen: &Arc<Mutex<Seen>>) {
    tab.call_method(Network::Enable {
        max_total_buffer_size: None,
        max_resource_buffer_size: None,
        max_post_data_size: None,
        report_direct_socket_traffic: None,
        enable_durable_messages: None,
    })
    .unwrap();
    tab.enable_runtime().unwrap();
    tab.enable_log().unwrap();
    let seen = seen.clone();
    let note = move |event: &Event| {
        let mut seen = seen.lock().unwrap();
        match event {
            Event::NetworkRequestWillBeSent(e) => seen.requests.push(e.params.request.url.clone()),
            Event::RuntimeExceptionThrown(e) => {
                seen.complaints.push(format!("{:?}", e.params.exception_details));
            }
            Event::RuntimeConsoleAPICalled(e) => seen.complaints.push(format!("{:?}", e.params.args)),
            Event::LogEntryAdded(e) => seen.complaints.push(e.params.entry.text.clone()),
            _ => {}
        }
    };
    tab.add_event_listener(Arc::new(note)).unwrap();
}

impl Opened {
    fn file(&self) -> PathBuf {
        self.files.path().join("lens.html")
    }

    /// Opens the page as if for the first time, with `hash` in its address.
    pub fn go(&self, hash: &str) {
        let visit = self.visits.fetch_add(1, Ordering::Relaxed);
        let page = reqwest::Url::from_file_path(self.file()).unwrap();
        // Another query is another page; another hash alone would not be.
        self.tab
            .navigate_to(&format!("{page}?visit={visit}{hash}"))
            .unwrap();
        let arrived = format!(
            "location.search === '?visit={visit}' && document.readyState === 'complete' \
             && document.querySelector('#details h2') !== null"
        );
        let patience = Instant::now();
        loop {
            // A page that is going away answers with an error.
            let answer = self.tab.evaluate(&arrived, false).ok();
            if answer.and_then(|answer| answer.value) == Some(Value::Bool(true)) {
                return;
            }
            assert!(patience.elapsed() < PATIENCE, "{:?}", self.complaints());
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    /// What a script says, by way of JSON.
    pub fn ask(&self, script: &str) -> Value {
        let script = format!("Promise.resolve({script}).then((answer) => JSON.stringify(answer ?? null))");
        let answer = self.tab.evaluate(&script, true).unwrap().value.unwrap();
        serde_json::from_str(answer.as_str().unwrap()).unwrap()
    }

    /// The text of each element that `selector` names.
    pub fn texts(&self, selector: &str) -> Vec<String> {
        let texts = self.ask(&format!(
            "[...document.querySelectorAll({selector:?})].map((e) => e.textContent)"
        ));
        serde_json::from_value(texts).unwrap()
    }

    /// A click of the mouse in the middle of an element.
    pub fn click(&self, selector: &str) {
        self.tab.find_element(selector).unwrap().click().unwrap();
    }

    pub fn press(&self, key: &str) {
        self.tab.press_key(key).unwrap();
    }

    pub fn press_with_control(&self, key: &str) {
        self.tab
            .press_key_with_modifiers(key, Some(&[ModifierKey::Ctrl]))
            .unwrap();
    }

    /// Chooses an option of a select, as the keyboard or the mouse would.
    pub fn choose(&self, selector: &str, value: &str) {
        let chosen = self.ask(&format!(
            "(() => {{ const select = document.querySelector({selector:?}); select.value = {value:?};
             select.dispatchEvent(new Event('change', {{ bubbles: true }})); return select.value; }})()"
        ));
        assert_eq!(chosen, value, "an option of {selector}");
    }

    pub fn hash(&self) -> String {
        self.ask("location.hash").as_str().unwrap().to_string()
    }

    /// A screen of that many pixels.
    pub fn resize(&self, width: u32, height: u32, mobile: bool) {
        self.tab
            .call_method(Emulation::SetDeviceMetricsOverride {
                width,
                height,
                device_scale_factor: 1.,
                mobile,
                scale: None,
                screen_width: None,
                screen_height: None,
                position_x: None,
                position_y: None,
                dont_set_visible_size: None,
                screen_orientation: None,
                viewport: None,
                display_feature: None,
                device_posture: None,
            })
            .unwrap();
    }

    /// What is seen now, as PNG.
    pub fn picture(&self) -> Vec<u8> {
        let png = Page::CaptureScreenshotFormatOption::Png;
        self.tab.capture_screenshot(png, None, None, true).unwrap()
    }

    /// `print` or `screen`, light or dark.
    pub fn medium(&self, medium: &str, scheme: &str) {
        let features = vec![Emulation::MediaFeature {
            name: "prefers-color-scheme".to_string(),
            value: scheme.to_string(),
        }];
        self.tab
            .call_method(Emulation::SetEmulatedMedia {
                media: Some(medium.to_string()),
                features: Some(features),
            })
            .unwrap();
    }

    /// What was asked for since the browser began, beside the page itself and data within it.
    pub fn requests(&self) -> Vec<String> {
        let page = reqwest::Url::from_file_path(self.file()).unwrap().to_string();
        let own = |url: &String| url.starts_with(&page) || url.starts_with("data:") || url == "about:blank";
        let seen = self.seen.lock().unwrap();
        seen.requests.iter().filter(|url| !own(url)).cloned().collect()
    }

    /// Whether the page itself was seen to be asked for, so that an empty list means something.
    pub fn watched(&self) -> bool {
        !self.seen.lock().unwrap().requests.is_empty()
    }

    /// Errors, warnings and whatever else the console shows.
    pub fn complaints(&self) -> Vec<String> {
        self.seen.lock().unwrap().complaints.clone()
    }
}
