//! Tokens to follow through the layers: the syntax of `--track` and `--against`.

use std::str::FromStr;

use crate::error::{Error, Result};
use crate::text::tokens::Tokens;
use crate::text::visible::visible;

/// What is to be followed, as written: a text (`" Paris"`), an id (`id:6342`), or a named group of
/// such whose probabilities add up (`city=" Paris| Rome"`).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TargetSpec {
    name: Option<String>,
    members: Vec<Member>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Member {
    Text(String),
    Id(u32),
}

impl FromStr for TargetSpec {
    type Err = String;

    fn from_str(text: &str) -> std::result::Result<Self, String> {
        if text.is_empty() {
            return Err("an empty text is no token".to_string());
        }
        let named = text.split_once('=').filter(|(name, members)| {
            let plain = |c: char| c.is_alphanumeric() || c == '_' || c == '-';
            !name.is_empty() && name.chars().all(plain) && !members.is_empty()
        });
        let Some((name, members)) = named else {
            return Ok(Self {
                name: None,
                members: vec![member(text)?],
            });
        };
        let members = members.split('|').map(member);
        Ok(Self {
            name: Some(name.to_string()),
            members: members.collect::<std::result::Result<_, _>>()?,
        })
    }
}

fn member(text: &str) -> std::result::Result<Member, String> {
    if text.is_empty() {
        return Err("an empty text is no token".to_string());
    }
    match text.strip_prefix("id:") {
        Some(id) => match id.parse() {
            Ok(id) => Ok(Member::Id(id)),
            Err(_) => Err(format!("{text:?} is no token id; write id: and a number")),
        },
        None => Ok(Member::Text(text.to_string())),
    }
}

/// A token to follow, or several as one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Target {
    /// What it is called: the token made visible, or the group's name.
    pub name: String,
    /// Its tokens: those of a group, each once, or those of a text in their order.
    pub ids: Vec<u32>,
    /// Whether the tokens follow one another: the text is several tokens, and its probability the product of
    /// theirs, each after the prompt and those before it.
    pub sequence: bool,
    /// The token that the text would be with its leading space taken away, or with one put before
    /// it, if that is one: which of the two a prompt calls for is easily mistaken.
    pub other_form: Option<u32>,
}

impl Target {
    /// The target that is the one token `id`.
    pub fn token(id: u32, tokens: &Tokens) -> Self {
        Self {
            name: tokens.label(id),
            ..Self::unnamed(id)
        }
    }

    /// The same without a name.
    pub fn unnamed(id: u32) -> Self {
        Self {
            name: String::new(),
            ids: vec![id],
            sequence: false,
            other_form: None,
        }
    }
}

impl TargetSpec {
    /// The target in a vocabulary of `vocabulary` rows: a token, a group of tokens, or a text of several.
    ///
    /// # Errors
    /// A text without tokens, a member of a group that is not one token, or an id that the model does not have.
    pub fn resolve(&self, tokens: &Tokens, vocabulary: usize) -> Result<Target> {
        match self.sequence(tokens)? {
            Some(ids) if ids.iter().all(|&id| (id as usize) < vocabulary) => {
                let labels = ids.iter().map(|&id| tokens.label(id));
                Ok(Target {
                    name: self.name.clone().unwrap_or_else(|| labels.collect()),
                    ids,
                    sequence: true,
                    other_form: None,
                })
            }
            _ => self.resolve_token(tokens, vocabulary),
        }
    }

    /// The tokens of a text that is several.
    fn sequence(&self, tokens: &Tokens) -> Result<Option<Vec<u32>>> {
        let [Member::Text(text)] = self.members.as_slice() else {
            return Ok(None);
        };
        if tokens.id_of(text).is_some() {
            return Ok(None);
        }
        Ok(Some(tokens.encode_plain(text)?).filter(|ids| ids.len() > 1))
    }

    /// The target where each text has to be one token.
    ///
    /// # Errors
    /// A text that is not one token, or an id that the model does not have.
    pub fn resolve_token(&self, tokens: &Tokens, vocabulary: usize) -> Result<Target> {
        self.resolve_by(vocabulary, tokens, |text| one_token(text, tokens, vocabulary))
    }

    /// The target with the spellings of its texts that are single tokens, as one group: with a space before
    /// them or without, as they are, in small letters, with a capital first and in capitals.
    ///
    /// # Errors
    /// As [`TargetSpec::resolve`].
    pub fn resolve_variants(&self, tokens: &Tokens, vocabulary: usize) -> Result<Target> {
        let is_there = |id: &u32| (*id as usize) < vocabulary;
        let spelled = self.members.iter().flat_map(|member| match member {
            Member::Id(id) => vec![*id],
            Member::Text(text) => {
                let single = |text: &String| one_token(text, tokens, vocabulary).ok().filter(is_there);
                spellings(text).iter().filter_map(single).collect()
            }
        });
        let mut ids: Vec<u32> = Vec::new();
        for id in spelled {
            if !ids.contains(&id) {
                ids.push(id);
            }
        }
        let target = self.resolve(tokens, vocabulary);
        match (target, ids.as_slice()) {
            (target, []) => target,
            (target, [_]) if target.as_ref().is_ok_and(|target| !target.sequence) => target,
            (_, _) => {
                let written = self.members.iter().find_map(|member| match member {
                    Member::Text(text) => Some(visible(text.as_bytes())),
                    Member::Id(_) => None,
                });
                let name = self.name.clone().or(written);
                Ok(Target {
                    name: name.unwrap_or_else(|| tokens.label(ids[0])),
                    ids,
                    sequence: false,
                    other_form: None,
                })
            }
        }
    }

    /// The same, where a text that is several tokens stands for the first of them.
    ///
    /// # Errors
    /// A text without tokens, or an id that the model does not have.
    pub fn resolve_by_first_token(&self, tokens: &Tokens, vocabulary: usize) -> Result<Target> {
        self.resolve_by(vocabulary, tokens, |text| {
            match tokens.encode_plain(text)?.first() {
                Some(first) if tokens.id_of(text).is_none() => Ok(*first),
                _ => one_token(text, tokens, vocabulary),
            }
        })
    }

    fn resolve_by(
        &self,
        vocabulary: usize,
        tokens: &Tokens,
        id_of: impl Fn(&str) -> Result<u32>,
    ) -> Result<Target> {
        let mut ids = Vec::new();
        for member in &self.members {
            let id = match member {
                Member::Id(id) => *id,
                Member::Text(text) => id_of(text)?,
            };
            if id as usize >= vocabulary {
                return Err(Error::usage(
                    format!("There is no token {id}: the model's vocabulary has {vocabulary}."),
                    format!("Token ids run from 0 to {}.", vocabulary - 1),
                ));
            }
            if !ids.contains(&id) {
                ids.push(id);
            }
        }
        let other_form = match self.members.as_slice() {
            [Member::Text(text)] => other_form(text, tokens, vocabulary),
            _ => None,
        };
        let name = self.name.clone();
        Ok(Target {
            name: name.unwrap_or_else(|| tokens.label(ids[0])),
            ids,
            sequence: false,
            other_form,
        })
    }
}

/// A text's spellings: itself first, with a space before it or without, in small letters, capitals or both.
fn spellings(text: &str) -> Vec<String> {
    let bare = text.trim_start_matches(' ');
    let mut letters = bare.chars();
    let capital = letters.next().map_or(String::new(), |first| {
        first
            .to_uppercase()
            .chain(letters.flat_map(char::to_lowercase))
            .collect()
    });
    let cases = [
        bare.to_string(),
        bare.to_lowercase(),
        capital,
        bare.to_uppercase(),
    ];
    let spaced = |case: &String| [format!(" {case}"), case.clone()];
    let all = std::iter::once(text.to_string()).chain(cases.iter().flat_map(spaced));
    all.filter(|spelling| !spelling.trim().is_empty()).collect()
}

fn one_token(text: &str, tokens: &Tokens, vocabulary: usize) -> Result<u32> {
    if let Some(id) = tokens.id_of(text) {
        return Ok(id);
    }
    let ids = tokens.encode_plain(text)?;
    match ids.as_slice() {
        [id] => Ok(*id),
        [] => Err(Error::usage(
            format!("{text:?} has no tokens."),
            "Track a text that is a token, or id: and a number.",
        )),
        [first, ..] => {
            let pieces: Vec<String> = ids.iter().map(|&id| tokens.label(id)).collect();
            let first = format!("to track the first of them, {}, write id:{first}", pieces[0]);
            let remedy = match other_form(text, tokens, vocabulary) {
                Some(other) => format!("{:?} is one; or, {first}.", tokens.text(other)),
                None => format!("Track a text that is one; or, {first}."),
            };
            Err(Error::usage(
                format!(
                    "{:?} is {} tokens, not one: {}.",
                    text,
                    ids.len(),
                    pieces.join("│")
                ),
                remedy,
            ))
        }
    }
}

fn other_form(text: &str, tokens: &Tokens, vocabulary: usize) -> Option<u32> {
    let other = match text.strip_prefix(' ') {
        Some(bare) => bare.to_string(),
        None => format!(" {text}"),
    };
    tokens.id_of(&other).filter(|&id| (id as usize) < vocabulary)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn spec(text: &str) -> TargetSpec {
        text.parse().unwrap()
    }

    #[test]
    fn texts_ids_and_groups_are_told_apart() {
        let text = |t: &str| Member::Text(t.to_string());
        assert_eq!(spec(" Paris").members, [text(" Paris")]);
        assert_eq!(spec("id:6342").members, [Member::Id(6342)]);
        assert_eq!(
            spec("="),
            TargetSpec {
                name: None,
                members: vec![text("=")]
            }
        );
        assert_eq!(spec("|").members, [text("|")]);
        assert_eq!(spec(" x=1").members, [text(" x=1")]);
        let group = spec("city= Paris|Paris|id:7");
        assert_eq!(group.name.as_deref(), Some("city"));
        assert_eq!(group.members, [text(" Paris"), text("Paris"), Member::Id(7)]);
        for wrong in ["", "id:", "id:x", "city= Paris|", "id:-1"] {
            assert!(wrong.parse::<TargetSpec>().is_err(), "{wrong:?}");
        }
    }
}
