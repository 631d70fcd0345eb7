//! The terminal explorer (`lens --explore`): the heatmap of a prompt with a cursor in it, the top tokens of the
//! cell there, and the lines of pinned tokens across layers.
//!
//! [`keys`] is the one table of what is pressed. A key changes the [`state`], which knows nothing of terminals
//! or models, and [`screen`] draws from it. The loop here is all that waits: for keys, and for the thread of
//! [`reader`], which reads what is seen first.

pub mod command;
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
use std::path::PathBuf;
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::time::{Duration, Instant};

use ratatui::crossterm::event::{self, Event, KeyEventKind};

use crate::error::{Error, Result};
use crate::lens::{Follow, Positions, Request};
use crate::model::Model;
use crate::report::Format;
use crate::run::{Run, Spelling};
use crate::text::prompt::Prompt;
use crate::text::targets::{Target, TargetSpec};

use command::Options;
use line::Line;
use picture::Picture;
use reader::{Answer, Ask, Reader, Shared};
use screen::Colors;
use state::{Effect, MOST_PINS, MOST_TOP, Open, Purpose, State, View};
use terminal::Screen;

pub use terminal::give_back;

/// A prompt is read again when no key came for so long.
const REST: Duration = Duration::from_millis(150);
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
    /// The run that it was asked for with, of which files are written.
    pub run: &'a Run,
    /// The options that the command of a view needs too.
    pub options: Options,
    /// Whether the prompt was given as tokens, not as text.
    pub by_ids: bool,
    /// The tokens of a text, as the run makes them.
    pub encode: &'a dyn Fn(&str) -> Result<Prompt>,
    /// Reads a prompt as a run asks for it, and writes its outputs.
    pub write: &'a (dyn Fn(&Run, Prompt) -> Result<()> + Sync),
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
        let (model, write, shared) = (setup.model, setup.write, &shared);
        let reader = std::thread::Builder::new().spawn_scoped(scope, move || {
            // The loop may have ended already.
            let answer = move |answer| _ = answers.send(Happening::Answer(answer));
            Reader::new(model, write, shared, &answer).run(&asks);
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
    /// A text that is read once the keys rest, and when that is.
    edited: Option<(String, Instant)>,
    /// Whether the prompt is tokens that its text may not come to.
    by_ids: bool,
}

impl<'a> Explorer<'a> {
    fn new(setup: &'a Setup, asker: Asker<'a>) -> Result<Self> {
        let screen = Screen::take()?;
        let lens = setup.request.lenses.first();
        let lens = format!("{} lens", lens.map_or("logit", |lens| lens.name()));
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
            edited: None,
            by_ids: setup.by_ids,
        })
    }

    fn run(&mut self, events: &Receiver<Happening>) -> Result<()> {
        self.read();
        loop {
            self.state.busy = self.asker.shared.busy();
            let (state, colors) = (&self.state, self.setup.colors);
            self.screen.draw(|frame| screen::draw(frame, state, colors))?;
            let first = match self.wait() {
                Some(time) => events.recv_timeout(time),
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
            if self
                .edited
                .as_ref()
                .is_some_and(|(_, when)| Instant::now() >= *when)
            {
                self.read_edited();
            }
        }
    }

    /// How long to wait at most for something to happen; `None` for as long as it takes.
    fn wait(&self) -> Option<Duration> {
        let tick = self.state.busy.map(|_| TICK);
        let rest = (self.edited.as_ref()).map(|(_, when)| when.saturating_duration_since(Instant::now()));
        tick.into_iter().chain(rest).min()
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
            Effect::Suspend => {
                terminal::suspend();
                self.screen.take_again()?;
            }
            Effect::Redraw => self.screen.clear()?,
            Effect::Read => self.read(),
            Effect::Follow(ids) => self.asker.ask(Ask::Follow(ids)),
            Effect::Look(at) => self.asker.ask(Ask::Look(at)),
            Effect::Edit { text, now } => {
                self.edited = Some((text, Instant::now() + REST));
                if now {
                    self.read_edited();
                }
            }
            Effect::Continue => self.go_on(),
            Effect::TakeBack => self.take_back(),
            Effect::Command => self.show_command()?,
            Effect::Write { file, replace } => self.write(file, replace),
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
        let target = Spelling::Whole.resolve(&spec, self.setup.model)?;
        match target.sequence {
            false => Ok(target),
            true => Err(Error::usage(
                format!("{text:?} is {} tokens, not one.", target.ids.len()),
                "Type one: a line is one token's.",
            )),
        }
    }

    /// Reads the text that was typed.
    fn read_edited(&mut self) {
        let Some((text, _)) = self.edited.take() else {
            return;
        };
        match (self.setup.encode)(&text) {
            Ok(prompt) => {
                self.state.message = None;
                self.by_ids = false;
                self.show(prompt);
            }
            Err(error) => self.state.say(error.to_string(), true),
        }
    }

    /// Makes `prompt` the one that is read and shown.
    fn show(&mut self, prompt: Prompt) {
        let continued = &prompt.ids[prompt.ids.len() - prompt.generated..];
        let continuation = continued.iter().map(|&id| self.setup.model.tokens.text(id));
        self.state.prompt = format!("{}{}", prompt.asked(), continuation.collect::<String>());
        self.prompt = prompt;
        self.read();
    }

    /// Reads the prompt with the token that the model would say.
    fn go_on(&mut self) {
        let picture = self.state.picture.as_ref();
        let is_shown = |picture: &&Picture| picture.prompt.ids == self.prompt.ids;
        let output = picture
            .filter(is_shown)
            .and_then(|picture| picture.output(picture.positions() - 1));
        let Some(output) = output else {
            return self.state.say("What comes next is not read yet.", false);
        };
        let mut longer = self.prompt.clone();
        longer.ids.push(output.top1().id);
        longer.generated += 1;
        if let Some(context) = self
            .setup
            .model
            .card
            .context
            .filter(|&most| longer.ids.len() > most)
        {
            return self
                .state
                .say(format!("The model's context holds {context} tokens."), true);
        }
        self.show(longer);
    }

    /// Reads the prompt without its last token.
    fn take_back(&mut self) {
        let mut ids = self.prompt.ids.clone();
        ids.pop();
        if ids.is_empty() {
            return self.state.say("The prompt has one token: e edits it.", true);
        }
        self.by_ids |= self.prompt.generated == 0;
        let shorter = match self.prompt.generated {
            0 => self.setup.model.prompt_of_ids(ids),
            n => Ok(Prompt {
                ids,
                generated: n - 1,
                ..self.prompt.clone()
            }),
        };
        match shorter {
            Ok(prompt) => self.show(prompt),
            Err(error) => self.state.say(error.to_string(), true),
        }
    }

    fn show_command(&mut self) -> Result<()> {
        let command = command::command(&self.state, &self.prompt, self.by_ids, &self.setup.options);
        self.screen.tell(&command::clipboard(&command))?;
        self.state.open = Open::Command(command);
        Ok(())
    }

    fn write(&mut self, file: String, replace: bool) {
        let path = PathBuf::from(&file);
        let Some(format) = Format::of_ending(&path) else {
            self.state.say(
                "Its ending names the format: .html, .svg, .png, .pdf, .json, .jsonl, .csv or .md.",
                true,
            );
            self.state.open = Open::Input(Purpose::Write(false), Line::new(file));
            return;
        };
        if !replace && path.exists() {
            self.state
                .say("There is such a file: Enter replaces it, Esc keeps it.", true);
            self.state.open = Open::Input(Purpose::Write(true), Line::new(file));
            return;
        }
        self.state.say(format!("writing {file} …"), false);
        let run = command::run(&self.state, self.setup.run, path, format);
        self.asker.ask(Ask::Write {
            run: Box::new(run),
            prompt: self.prompt.clone(),
            file,
        });
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
            request: Box::new(self.request()),
            wanted: self.state.pins.iter().flat_map(|pin| pin.ids.clone()).collect(),
            near: match is_at_end {
                true => positions - 1,
                false => self.state.cursor.at.min(positions - 1),
            },
            seen: usize::from(self.state.layout().grid.width) / 8,
        });
    }

    fn request(&self) -> Request {
        Request {
            points: command::points(self.state.view.point),
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
            Answer::Began(id, picture) if id == wanted => self.next = Some(*picture),
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
            Answer::Written(file, Ok(())) => self.state.say(format!("{file} is written."), false),
            Answer::Written(_, Err(error)) => self.state.say(error.to_string(), true),
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
