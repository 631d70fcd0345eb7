//! Models whose weights stay on the hub, but for single tensors.

use super::failure::{self, Failure};
use super::http::Http;
use super::pieces::Pieces;
use super::{Cached, Model};
use crate::error::{Error, Result};
use crate::source::parts::{self, Incomplete, Missing};
use crate::source::{Asset, ModelFiles, Outline, Outlined};

impl Model<'_> {
    /// The files without weights, at the commit that [`Model::files`] would take.
    pub fn outline(&self) -> Result<ModelFiles> {
        let cached = self.cached()?;
        if let Cached::Whole(files) = &cached
            && (!self.options.update || self.revision.is_commit())
        {
            return Ok(*files.clone());
        }
        let explain = |failure: Failure| failure.explain(&self.about);
        let at_hand = match (&cached, self.options.update) {
            (Cached::Partly(commit, _), false) => self.outline_in_cache(commit)?,
            _ => None,
        };
        if let Some(files) = at_hand {
            return Ok(files);
        }
        if self.settings.offline {
            return self.offline(cached);
        }
        let (http, commit) = self.ask(&cached).map_err(|failure| match failure {
            Failure::NoSuchFile => failure::lacks(&Missing::Config, &self.about),
            other => other.explain(&self.about),
        })?;
        let repository = self.repository(&http);
        let mut get = |name: &str| repository.file(&commit, name).map_err(explain);
        let (mut files, shards) =
            parts::outline(&self.about.id, &mut get).map_err(|incomplete| match incomplete {
                Incomplete::Lacks(missing) => failure::lacks(&missing, &self.about),
                Incomplete::Error(error) => error,
            })?;
        let pieces = Pieces::new(&self.settings.cache, &self.about.id, &commit);
        let mut outline = Outline::default();
        for shard in shards {
            let header = pieces.fetch_header(&repository, &commit, &shard);
            let (header, size) = header.map_err(|failure| match failure {
                Failure::NoSuchFile => failure::lacks(&Missing::Weights, &self.about),
                other => other.explain(&self.about),
            })?;
            outline.add(&shard, &header, size)?;
        }
        self.folder.write_ref(&self.revision, &commit).map_err(explain)?;
        fill(&mut outline, &pieces);
        files.revision = Some(commit);
        files.outline = Some(outline);
        Ok(files)
    }

    /// The files without weights, where all of them and all headers are on this machine.
    fn outline_in_cache(&self, commit: &str) -> Result<Option<ModelFiles>> {
        let mut get = |name: &str| Ok(self.folder.lookup(commit, name));
        let (mut files, shards) = match parts::outline(&self.about.id, &mut get) {
            Ok(there) => there,
            Err(Incomplete::Lacks(_)) => return Ok(None),
            Err(Incomplete::Error(error)) => return Err(error),
        };
        let pieces = Pieces::new(&self.settings.cache, &self.about.id, commit);
        let mut outline = Outline::default();
        for shard in shards {
            let Some((header, size)) = pieces.header(&shard) else {
                return Ok(None);
            };
            outline.add(&shard, &header, size)?;
        }
        fill(&mut outline, &pieces);
        files.revision = Some(commit.to_string());
        files.outline = Some(outline);
        Ok(Some(files))
    }

    /// Fetches the tensors `names` that are not at hand.
    pub fn fetch(&self, files: &mut ModelFiles, names: &[String]) -> Result<()> {
        let (Some(outline), Some(commit)) = (&mut files.outline, &files.revision) else {
            return Ok(());
        };
        let wanted =
            |(name, tensor): &(&String, &mut Outlined)| tensor.bytes.is_none() && names.contains(*name);
        let mut missing = outline.tensors.iter_mut().filter(wanted).peekable();
        if missing.peek().is_none() {
            return Ok(());
        }
        if self.settings.offline {
            return Err(Error::failed(
                format!(
                    "The unembedding of {} is not in the cache, and lens is offline.",
                    self.about.model()
                ),
                "Run the same command once without --offline (and without HF_HUB_OFFLINE) to download it.",
            ));
        }
        let explain = |failure: Failure| failure.explain(&self.about);
        let http = Http::open(&self.settings).map_err(explain)?;
        let repository = self.repository(&http);
        let pieces = Pieces::new(&self.settings.cache, &self.about.id, commit);
        for (name, tensor) in missing {
            let range = tensor.range.clone();
            let path = pieces.fetch_tensor(&repository, commit, &tensor.shard, name, range);
            tensor.bytes = Some(Asset::from(path.map_err(explain)?));
        }
        Ok(())
    }
}

/// Says of each tensor of the outline whose bytes are on this machine where they are.
fn fill(outline: &mut Outline, pieces: &Pieces) {
    for (name, tensor) in &mut outline.tensors {
        tensor.bytes = pieces
            .tensor(name, tensor.range.end - tensor.range.start)
            .map(Asset::from);
    }
}
