//! Engines on other machines: where they are, what they give, and how one is reached.

use std::str::FromStr;
use std::time::Duration;

use reqwest::Url;

use super::{Engine, ndif, vllm};
use crate::decoder::Point;
use crate::error::{Error, Result};
use crate::lens::{Points, Request};
use crate::model::{Model, tensors_of_the_readout};
use crate::source::{self, HubOptions, ModelFiles};

/// A server that runs a model, as `--remote` names it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Remote {
    /// `vllm+http://host:8000`, with the served model's name after a `#` where it serves several.
    Vllm(Url),
    /// `ndif`, the public service or where `NDIF_HOST` says, or `ndif+https://host`.
    Ndif(Option<Url>),
}

impl FromStr for Remote {
    type Err = String;

    fn from_str(text: &str) -> std::result::Result<Self, String> {
        let example = "write ndif, or vllm+http://host:8000";
        if text == "ndif" {
            return Ok(Self::Ndif(None));
        }
        let Some((engine, address)) = text.split_once('+') else {
            return Err(format!("expected an engine and an address; {example}"));
        };
        match engine {
            "vllm" => Ok(Self::Vllm(address_of(address)?)),
            "ndif" => Ok(Self::Ndif(Some(address_of(address)?))),
            _ => Err(format!("there is no engine of that name; {example}")),
        }
    }
}

/// A web address. What may be secret in one is refused later, where it is not shown.
pub fn address_of(text: &str) -> std::result::Result<Url, String> {
    let url = Url::parse(text).map_err(|e| format!("no web address ({e})"))?;
    match matches!(url.scheme(), "http" | "https") && url.has_host() {
        true => Ok(url),
        false => Err("expected an address that begins with http:// or https://".to_string()),
    }
}

/// Refuses an address with a name and a password, or a query, which messages and files would show.
///
/// # Errors
/// Such an address, which is not shown.
pub fn check_address(url: &Url) -> Result<()> {
    let is_plain = url.username().is_empty() && url.password().is_none() && url.query().is_none();
    match is_plain {
        true => Ok(()),
        false => Err(Error::usage(
            "The address of a server has a name, a password or a query in it.",
            "Leave it out; a key goes into VLLM_API_KEY or NDIF_API_KEY.",
        )),
    }
}

impl Remote {
    /// The engine's name.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Vllm(_) => "vLLM",
            Self::Ndif(_) => "NDIF",
        }
    }

    /// Refuses an address that is not plain, and what the engine has no way to: some points, the rows themselves
    /// where they are `needs_rows`, and lenses that are `fitted`.
    ///
    /// # Errors
    /// The first such thing.
    pub fn check(&self, points: &Points, needs_rows: bool, fitted: bool) -> Result<()> {
        if let Self::Vllm(address) | Self::Ndif(Some(address)) = self {
            check_address(address)?;
        }
        if matches!(self, Self::Ndif(_)) {
            if needs_rows {
                return Err(ndif::no_rows());
            }
            if fitted {
                return Err(Error::usage(
                    "NDIF reads rows through the logit lens alone.",
                    "Leave out --lens, or use a vLLM server.",
                ));
            }
        }
        let within = [Point::AttnOut, Point::ResidMid, Point::MlpOut];
        match (self, within.into_iter().find(|&point| points.has(point))) {
            (Self::Vllm(_), Some(point)) => Err(Error::usage(
                format!(
                    "{} gives the residual stream after each block, and no {}.",
                    self.name(),
                    point.name()
                ),
                "Leave out --point, or run the model on this machine.",
            )),
            _ => Ok(()),
        }
    }

    /// The files of `model`: of one of the hub, no more of its weights than the engine has a use for.
    ///
    /// # Errors
    /// A model that is not there.
    pub fn locate(&self, model: &str, hub: &HubOptions) -> Result<ModelFiles> {
        let mut files = source::outline(model, hub)?;
        match self {
            Self::Ndif(_) => {}
            Self::Vllm(_) => {
                let names = tensors_of_the_readout(&files)?;
                source::fetch(&mut files, &names, hub)?;
            }
        }
        Ok(files)
    }

    /// What a request does not get, for a note.
    pub fn remark(&self, model: &Model, request: &Request) -> Option<String> {
        if let Self::Ndif(_) = self {
            return None;
        }
        let is_asked = request.points.read_embed(&request.layers);
        (is_asked && !model.decoder.embedding.is_at_hand())
            .then(|| "the row before block 0 is left out: the embedding is not on this machine.".to_string())
    }

    /// Reaches the server, and makes sure that it runs `model`, whose card then says where it runs.
    ///
    /// # Errors
    /// A server that is not there, lacks what is needed or runs another model.
    pub fn connect(
        &self,
        model: &mut Model,
        points: &Points,
        hub: &HubOptions,
        patience: Duration,
    ) -> Result<Server> {
        match self {
            Self::Vllm(address) => Ok(Server::Vllm(vllm::Server::connect(address, model, patience)?)),
            Self::Ndif(address) => {
                let revision = hub.revision.clone();
                ndif::check_points(model, points)?;
                let server = ndif::Server::connect(address.as_ref(), model, revision, patience)?;
                Ok(Server::Ndif(server))
            }
        }
    }
}

/// A server that was reached.
pub enum Server {
    Vllm(vllm::Server),
    Ndif(ndif::Server),
}

impl Server {
    /// The engine that reads by this server what `model` describes.
    pub fn engine(self, model: &Model) -> Box<dyn Engine + '_> {
        match self {
            Self::Vllm(server) => Box::new(vllm::Vllm { model, server }),
            Self::Ndif(server) => Box::new(ndif::Ndif { model, server }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_read_as_written() {
        let read = |text: &str| text.parse::<Remote>();
        let url = |text: &str| Url::parse(text).unwrap();
        assert_eq!(
            read("vllm+http://host:8000"),
            Ok(Remote::Vllm(url("http://host:8000")))
        );
        assert_eq!(
            read("vllm+https://host/a#name"),
            Ok(Remote::Vllm(url("https://host/a#name")))
        );
        for wrong in [
            "",
            "vllm",
            "ndif+",
            "http://host",
            "vllm+host:8000",
            "vllm+ftp://host",
            "vllm+http://",
            "sglang+http://host",
        ] {
            assert!(read(wrong).is_err(), "{wrong}");
        }
    }
}
