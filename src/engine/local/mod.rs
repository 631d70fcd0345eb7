//! The decoder on this machine: prompts through its blocks, the chosen rows through the readout.

mod bands;
mod batches;
mod finite;
mod follow;
mod generate;
mod growing;
mod read;
mod rows;

pub use bands::Bands;

use super::{EachToken, Engine};
use crate::error::Result;
use crate::lens::{Request, Trajectory};
use crate::machine::progress::Progress;
use crate::model::{Card, Model};
use crate::text::prompt::Prompt;
use crate::text::tokens::Tokens;

pub use follow::ids_to_follow;
pub use generate::continuation;
pub use rows::{Chosen, Source, cancelled};

impl Engine for Model {
    fn card(&self) -> &Card {
        &self.card
    }

    fn tokens(&self) -> &Tokens {
        &self.tokens
    }

    fn batch_tokens(&self, request: &Request) -> usize {
        self.tokens_of_a_batch(request)
    }

    fn read_prompts(
        &self,
        prompts: Vec<Prompt>,
        request: &Request,
        progress: &dyn Progress,
    ) -> Result<Vec<Trajectory>> {
        self.read_from(self, prompts, request, progress)
    }

    fn generate_each(
        &self,
        prompt: &Prompt,
        count: usize,
        each: &mut dyn FnMut(&Prompt) -> Result<()>,
    ) -> Result<Prompt> {
        self.continue_greedily(prompt, count, each)
    }

    fn generate_and_read(
        &self,
        prompt: &Prompt,
        count: usize,
        request: &Request,
        progress: &dyn Progress,
        each: &mut EachToken,
    ) -> Result<Trajectory> {
        self.continue_and_read(prompt, count, request, progress, each)
    }
}
