//! Where the readings of a run come from: prompts and a request in, trajectories out. An engine is a
//! folder here.

mod continuations;
mod http;
mod local;
mod ndif;
mod remote;
mod several;
mod vllm;

pub use local::Bands;

use crate::error::Result;
use crate::lens::{Request, Trajectory};
use crate::machine::progress::Progress;
use crate::model::Card;
use crate::text::prompt::Prompt;
use crate::text::tokens::Tokens;

pub use remote::{Remote, Server};

/// Reads a prompt as far as it is there.
pub type ReadSoFar<'a> = dyn Fn(&Request) -> Result<Trajectory> + 'a;

/// Is given a prompt that is continued with every token of its continuation, and what reads it so far.
pub type EachToken<'a> = dyn FnMut(&Prompt, &ReadSoFar) -> Result<()> + 'a;

/// What runs a model and reads its residual stream.
pub trait Engine {
    /// The model that it runs.
    fn card(&self) -> &Card;

    /// The model's tokenizer.
    fn tokens(&self) -> &Tokens;

    /// The tokens that the prompts of one call of [`Engine::read_prompts`] may have in all, so that memory stays
    /// bounded however many prompts there are. A longer prompt is read alone.
    fn batch_tokens(&self, request: &Request) -> usize;

    /// The prompts that one call of [`Engine::read_prompts`] may have: where what is done can be lost with what fails,
    /// few.
    fn batch_prompts(&self) -> usize {
        usize::MAX
    }

    /// Reads each prompt at the layers, points and positions asked for, telling `progress` how far it is.
    ///
    /// # Errors
    /// A prompt that does not fit the model, a layer or position that is not there, or numbers that are not
    /// finite.
    fn read_prompts(
        &self,
        prompts: Vec<Prompt>,
        request: &Request,
        progress: &dyn Progress,
    ) -> Result<Vec<Trajectory>>;

    /// The prompt with up to `count` tokens after it, each the likeliest (greedy decoding). It ends early at
    /// the model's end-of-text token, which is kept.
    ///
    /// # Errors
    /// A continuation that the model's context does not hold.
    fn generate(&self, prompt: &Prompt, count: usize) -> Result<Prompt> {
        self.generate_each(prompt, count, &mut |_| Ok(()))
    }

    /// The same, where `each` is given the prompt so far as soon as another token is there.
    ///
    /// # Errors
    /// As [`Engine::generate`], and those of `each`, which end it.
    fn generate_each(
        &self,
        prompt: &Prompt,
        count: usize,
        each: &mut dyn FnMut(&Prompt) -> Result<()>,
    ) -> Result<Prompt>;

    /// The reading of the prompt continued as by [`Engine::generate_each`]. An engine that keeps the rows of the
    /// passes that make the tokens reads those: what `each` reads is best no more than `request` at other positions.
    ///
    /// # Errors
    /// Those of [`Engine::generate_each`] and of [`Engine::read_prompts`].
    fn generate_and_read(
        &self,
        prompt: &Prompt,
        count: usize,
        request: &Request,
        progress: &dyn Progress,
        each: &mut EachToken,
    ) -> Result<Trajectory> {
        let read = |longer: &Prompt, request: &Request, progress: &dyn Progress| {
            let mut read = self.read_prompts(vec![longer.clone()], request, progress)?;
            Ok(read.remove(0))
        };
        let longer = self.generate_each(prompt, count, &mut |longer| {
            each(longer, &|request| read(longer, request, &()))
        })?;
        read(&longer, request, progress)
    }
}
