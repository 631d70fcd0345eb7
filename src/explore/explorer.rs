//! The loop: it waits, hands what comes to the state, and does what the state asks for.

mod beside;
mod leaving;
mod listing;
mod prompting;

use std::panic::resume_unwind;
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender};
use std::time::{Duration, Instant};

use ratatui::crossterm::event::{Event, KeyEventKind};

use super::Setup;
use super::events::Happening;
use super::picture::Picture;
use super::reader::{Answer, Ask, Id, Shared};
use super::screen::{self, Colors};
use super::state::{Busy, Effect, MOST_PINS, State};
use super::terminal::{self, Screen};
use crate::decoder::Point;
use crate::error::{Error, Result};
use crate::text::prompt::Prompt;

/// How often progress is drawn while something is read.
const TICK: Duration = Duration::from_millis(80);

/// Asks the reader, and tells it when nothing is wanted any more.
pub struct Asker<'a> {
    send: Sender<Ask>,
    shared: &'a Shared,
}

impl<'a> Asker<'a> {
    pub fn new(send: Sender<Ask>, shared: &'a Shared) -> Self {
        Self { send, shared }
    }

    fn ask(&self, ask: Ask) {
        // A reader that has ended has said why.
        let _ = self.send.send(ask);
    }
}

impl Drop for Asker<'_> {
    fn drop(&mut self) {
        self.shared.want((0, u64::MAX));
        self.shared.want((1, u64::MAX));
    }
}

/// The loop with all that it has.
pub struct Explorer<'a> {
    setup: &'a Setup<'a>,
    asker: Asker<'a>,
    state: State,
    screen: Screen,
    /// The prompt that is wanted on each side.
    asked: [Option<Asked>; 2],
    /// A text that is read once the keys rest, and when that is.
    edited: Option<(String, Instant)>,
    /// The number of the last prompt asked for.
    number: u64,
    /// How many prompts of the list were handed to the reader.
    surveyed: usize,
    /// The point and the lens of what is shown, to come back to from one that cannot be read.
    shown: (Point, usize),
}

/// A prompt that is wanted.
struct Asked {
    prompt: Prompt,
    /// Whether it is tokens that its text may not come to.
    by_ids: bool,
    /// The number that it was asked with.
    number: u64,
    /// Whether nothing is read of it yet.
    is_awaited: bool,
    /// Its picture, until the first readings are there to be shown.
    next: Option<Picture>,
}

impl<'a> Explorer<'a> {
    pub fn new(setup: &'a Setup, asker: Asker<'a>) -> Result<Self> {
        let screen = Screen::take()?;
        let lenses = setup
            .first
            .request
            .lenses
            .iter()
            .map(|lens| lens.name().to_string());
        let model = setup.first.model.card.name.clone();
        let prompt = setup
            .prompt
            .as_ref()
            .map_or(String::new(), |prompt| prompt.asked().to_string());
        let mut state = State::new(model, lenses.collect(), prompt, screen.size()?);
        state.view = setup.view.clone();
        state.side.pins = setup.pins.iter().take(MOST_PINS).cloned().collect();
        state.numbers = setup.colors == Colors::None;
        Ok(Self {
            setup,
            asker,
            state,
            screen,
            asked: [None, None],
            edited: None,
            number: 0,
            surveyed: 0,
            shown: (setup.view.point, setup.view.lens),
        })
    }

    pub fn run(&mut self, events: &Receiver<Happening>) -> Result<()> {
        self.begin();
        loop {
            self.state.busy = self.asker.shared.busy().or_else(|| self.awaited());
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

    /// What is asked for, before the reader says how far it is.
    fn awaited(&self) -> Option<Busy> {
        let which = (0..2).find(|&which| self.asked[which].as_ref().is_some_and(|asked| asked.is_awaited))?;
        Some(Busy {
            what: "blocks",
            done: 0,
            total: self.setup.source(which).model.card.layers,
        })
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
            Effect::Read => self.read_all(),
            Effect::Follow(ids) => self.follow(&ids),
            Effect::Look(at) => self.look(at),
            Effect::Measure(is_wanted) => self.asker.ask(Ask::Measure(is_wanted)),
            Effect::Open(nth) => self.open(nth),
            Effect::Beside(text) => self.put_beside(&text),
            Effect::LeaveBeside => self.leave_beside(),
            Effect::Edit { text, now } => {
                self.edited = Some((text, Instant::now() + prompting::REST));
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

    /// Takes in what the reader says, of the prompts that are wanted.
    fn hear(&mut self, answer: Answer) {
        let wanted = |(which, number): Id| {
            let asked = self.asked[which].as_ref();
            asked.is_some_and(|asked| asked.number == number)
        };
        match answer {
            Answer::Began(id, picture) if wanted(id) => {
                if let Some(asked) = &mut self.asked[id.0] {
                    asked.next = Some(*picture);
                }
                self.shown = (self.state.view.point, self.state.view.lens);
            }
            Answer::Read(id, band, read, names) if wanted(id) => {
                if let Some(asked) = &mut self.asked[id.0] {
                    asked.is_awaited = false;
                    if let Some(picture) = asked.next.take() {
                        self.state.begin(id.0, picture);
                    }
                }
                self.state.add(id.0, band, read, names);
            }
            Answer::Followed(id, band, values, names) if wanted(id) => {
                self.state.add_tracks(id.0, band, values, names);
            }
            Answer::Measured([first, second], from_end, gaps)
                if wanted((0, first)) && wanted((1, second)) =>
            {
                self.state.add_gaps(from_end, gaps);
            }
            Answer::Failed(id, error) if wanted(id) => {
                let tried = (self.state.view.point, self.state.view.lens);
                (self.state.view.point, self.state.view.lens) = self.shown;
                if let Some(asked) = &mut self.asked[id.0] {
                    asked.is_awaited = false;
                }
                self.state.say(error.to_string(), true);
                // What is still seen is asked for again, so that more can be read of it.
                if tried != self.shown {
                    self.read_all();
                }
            }
            Answer::Listed(listed, is_last) => {
                self.state.set_outcomes(listed);
                if is_last {
                    self.survey();
                }
            }
            Answer::Written(file, Ok(())) => self.state.say(format!("{file} is written."), false),
            Answer::Written(_, Err(error)) => self.state.say(error.to_string(), true),
            Answer::Began(..)
            | Answer::Read(..)
            | Answer::Followed(..)
            | Answer::Measured(..)
            | Answer::Failed(..) => {}
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
