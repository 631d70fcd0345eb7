//! The terminal explorer (`lens --explore`): the heatmap of a prompt with a cursor in it, the top tokens of the
//! cell there, and the lines of pinned tokens across layers.
//!
//! [`keys`] is the one table of what is pressed. A key changes the [`state`], which knows nothing of terminals
//! or models, and [`screen`] draws from it. The loop here is all that waits: for keys, and for the thread of
//! [`reader`], which reads what is seen first.

mod grid;
pub mod keys;
pub mod layout;
pub mod line;
pub mod picture;
mod press;
pub mod reader;
pub mod screen;
pub mod state;
mod terminal;

use std::panic::resume_unwind;
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::time::Duration;

use ratatui::crossterm::event::{self, Event, KeyEventKind};

use crate::decoder::Point;
use crate::error::{Error, Result};
use crate::lens::{Follow, Points, Positions, Request};
use crate::model::Model;
use crate::run::resolve;
use crate::text::prompt::Prompt;
use crate::text::targets::{Target, TargetSpec};

use picture::Picture;
use reader::{Answer, Ask, Reader, Shared};
use screen::Colors;
use state::{Effect, MOST_PINS, MOST_TOP, State, View};
use terminal::Screen;

pub use terminal::give_back;

/// How often progress is drawn while something is read.
const TICK: Duration = Duration::from_millis(80);

/// What is explored.
pub struct Setup<'a> {
    pub model: &'a Model,
    pub prompt: Prompt,
    /// What is read of it, but for points and positions.
    pub request: Request,
    /// How it looks at first.
    pub view: View,
    /// The tokens pinned at first.
    pub pins: Vec<Target>,
    pub colors: Colors,
}

/// Shows the explorer on the terminal until it is left.
///
/// # Errors
/// A terminal that cannot be drawn on. What is wrong with a prompt is said on the screen.
pub fn explore(setup: &Setup) -> Result<()> {
    let (to_reader, asks) = channel();
    let (to_loop, events) = channel();
    let shared = Shared::default();
    std::thread::scope(|scope| {
        let answers = to_loop.clone();
        let (model, shared) = (setup.model, &shared);
        let reader = std::thread::Builder::new().spawn_scoped(scope, move || {
            // The loop may have ended already.
            let answer = move |answer| _ = answers.send(Happening::Answer(answer));
            Reader::new(model, shared, &answer).run(&asks);
        });
        reader.map_err(|error| no_thread(&error))?;
        let mut explorer = Explorer::new(setup, Asker::new(to_reader, shared))?;
        listen(to_loop)?;
        explorer.run(&events)
    })
}

fn no_thread(error: &std::io::Error) -> Error {
    Error::failed(
        format!("The system gives lens no thread to read with: {error}."),
        "Raise its limits (ulimit -u, ulimit -v).",
    )
}

/// What the loop waits for.
enum Happening {
    Terminal(Event),
    Answer(Answer),
    /// The system wants the process to stop for a while.
    Suspend,
    /// It was stopped, and goes on.
    Continue,
    /// The terminal says nothing any more.
    Lost(std::io::Error),
}

/// Starts to wait for the terminal and for signals, on threads that end with the process.
fn listen(send: Sender<Happening>) -> Result<()> {
    #[cfg(unix)]
    {
        use signal_hook::consts::{SIGCONT, SIGTSTP};
        let send = send.clone();
        if let Ok(mut signals) = signal_hook::iterator::Signals::new([SIGTSTP, SIGCONT]) {
            let forward = move || {
                for signal in signals.forever() {
                    let happening = match signal {
                        SIGTSTP => Happening::Suspend,
                        _ => Happening::Continue,
                    };
                    if send.send(happening).is_err() {
                        return;
                    }
                }
            };
            let thread = std::thread::Builder::new().spawn(forward);
            thread.map_err(|error| no_thread(&error))?;
        }
    }
    let read = move || loop {
        let (happening, is_last) = match event::read() {
            Ok(event) => (Happening::Terminal(event), false),
            Err(error) => (Happening::Lost(error), true),
        };
        if send.send(happening).is_err() || is_last {
            return;
        }
    };
    let thread = std::thread::Builder::new().spawn(read);
    thread.map(|_| ()).map_err(|error| no_thread(&error))
}

/// Asks the reader, and tells it when nothing is wanted any more.
struct Asker<'a> {
    send: Sender<Ask>,
    shared: &'a Shared,
    /// The number of the last prompt asked for.
    id: u64,
}

impl<'a> Asker<'a> {
    fn new(send: Sender<Ask>, shared: &'a Shared) -> Self {
        Self { send, shared, id: 0 }
    }

    fn ask(&self, ask: Ask) {
        // A reader that has ended has said why.
        let _ = self.send.send(ask);
    }
}

impl Drop for Asker<'_> {
    fn drop(&mut self) {
        self.shared.want(u64::MAX);
    }
}

/// The loop with all that it has.
struct Explorer<'a> {
    setup: &'a Setup<'a>,
    asker: Asker<'a>,
    state: State,
    screen: Screen,
    /// The prompt that is wanted.
    prompt: Prompt,
    /// Its picture, until the first readings are there to be shown.
    next: Option<Picture>,
}

impl<'a> Explorer<'a> {
    fn new(setup: &'a Setup, asker: Asker<'a>) -> Result<Self> {
        let screen = Screen::take()?;
        let lens = format!("{} lens", setup.request.lens.name());
        let model = setup.model.card.name.clone();
        let prompt = setup.prompt.asked().to_string();
        let mut state = State::new(model, lens, prompt, screen.size()?);
        state.view = setup.view.clone();
        state.pins = setup.pins.iter().take(MOST_PINS).cloned().collect();
        state.numbers = setup.colors == Colors::None;
        Ok(Self {
            setup,
            asker,
            state,
            screen,
            prompt: setup.prompt.clone(),
            next: None,
        })
    }

    fn run(&mut self, events: &Receiver<Happening>) -> Result<()> {
        self.read();
        loop {
            self.state.busy = self.asker.shared.busy();
            let (state, colors) = (&self.state, self.setup.colors);
            self.screen.draw(|frame| screen::draw(frame, state, colors))?;
            let first = match self.state.busy {
                Some(_) => events.recv_timeout(TICK),
                None => events.recv().map_err(|_| RecvTimeoutError::Disconnected),
            };
            match first {
                Ok(first) => {
                    // What has come meanwhile is drawn at once.
                    for happening in std::iter::once(first).chain(events.try_iter()) {
                        if self.take(happening)? {
                            return Ok(());
                        }
                    }
                }
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => return Ok(()),
            }
        }
    }

    /// Does what has to be done about something; whether it is the end.
    fn take(&mut self, happening: Happening) -> Result<bool> {
        let effect = match happening {
            Happening::Terminal(Event::Key(key)) if key.kind != KeyEventKind::Release => {
                self.state.press(&key)
            }
            Happening::Terminal(Event::Mouse(mouse)) => self.state.mouse(&mouse),
            Happening::Terminal(Event::Paste(text)) => self.state.paste(&text),
            Happening::Terminal(Event::Resize(columns, lines)) => {
                self.state.resize(columns, lines);
                None
            }
            Happening::Terminal(_) => None,
            Happening::Answer(answer) => {
                self.hear(answer);
                None
            }
            Happening::Suspend => Some(Effect::Suspend),
            Happening::Continue => {
                self.screen.take_again()?;
                let (columns, lines) = self.screen.size()?;
                self.state.resize(columns, lines);
                None
            }
            Happening::Lost(error) => return Err(lost(&error)),
        };
        match effect {
            Some(effect) => self.carry_out(effect),
            None => Ok(false),
        }
    }

    fn carry_out(&mut self, effect: Effect) -> Result<bool> {
        match effect {
            Effect::Quit => return Ok(true),
            // Once it goes on, it is told so.
            Effect::Suspend => terminal::suspend(),
            Effect::Redraw => self.screen.clear()?,
            Effect::Read => self.read(),
            Effect::Follow(ids) => self.asker.ask(Ask::Follow(ids)),
            Effect::Look(at) => self.asker.ask(Ask::Look(at)),
            Effect::Resolve(text) => match self.resolve(&text) {
                Ok(target) => {
                    if let Some(effect) = self.state.pin_target(target) {
                        return self.carry_out(effect);
                    }
                }
                Err(error) => self.state.say(error.to_string(), true),
            },
        }
        Ok(false)
    }

    fn resolve(&self, text: &str) -> Result<Target> {
        let spec: TargetSpec = text
            .parse()
            .map_err(|error: String| Error::usage(format!("{error}."), "Type a token."))?;
        resolve(&spec, self.setup.model)
    }

    /// Asks for the prompt at the point that is chosen; the picture that is there stays until it comes.
    fn read(&mut self) {
        self.asker.id += 1;
        self.asker.shared.want(self.asker.id);
        let positions = self.prompt.ids.len();
        let is_at_end = (self.state.picture.as_ref())
            .is_none_or(|picture| self.state.cursor.at + 1 == picture.positions());
        self.asker.ask(Ask::Read {
            id: self.asker.id,
            prompt: self.prompt.clone(),
            request: self.request(),
            wanted: self.state.pins.iter().flat_map(|pin| pin.ids.clone()).collect(),
            near: match is_at_end {
                true => positions - 1,
                false => self.state.cursor.at.min(positions - 1),
            },
            seen: usize::from(self.state.layout().grid.width) / 8,
        });
    }

    fn request(&self) -> Request {
        let points = match self.state.view.point {
            Point::ResidPost => Points::default(),
            point => point.name().parse().unwrap_or_default(),
        };
        Request {
            points,
            positions: Positions::all(),
            top_k: MOST_TOP,
            follow: Follow::Nothing,
            keep_rows: false,
            distances: false,
            ..self.setup.request.clone()
        }
    }

    /// Takes in what the reader says, of the prompt that is wanted.
    fn hear(&mut self, answer: Answer) {
        let wanted = self.asker.id;
        match answer {
            Answer::Began(id, picture) if id == wanted => self.next = Some(picture),
            Answer::Read(id, band, read, names) if id == wanted => {
                if let Some(picture) = self.next.take() {
                    self.state.begin(picture);
                }
                self.state.add(band, read, names);
            }
            Answer::Followed(id, band, values, names) if id == wanted => {
                self.state.add_tracks(band, values, names);
            }
            Answer::Failed(id, error) if id == wanted => self.state.say(error.to_string(), true),
            Answer::Began(..) | Answer::Read(..) | Answer::Followed(..) | Answer::Failed(..) => {}
            Answer::Panicked(panic) => resume_unwind(panic),
        }
    }
}

fn lost(error: &std::io::Error) -> Error {
    Error::failed(
        format!("The terminal says nothing any more: {error}."),
        "Start lens --explore again.",
    )
}
