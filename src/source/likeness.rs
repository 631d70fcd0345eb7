//! Whether two names are of one model.

/// What two names say of whether they are of one model.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Likeness {
    Same,
    /// They may be: the same name, of which one has no owner.
    Namesake,
    Other,
}

/// Names that models have had, and those that they have.
const ALIASES: [(&str, &str); 6] = [
    ("gpt2-small", "gpt2"),
    ("Meta-Llama-3-8B", "Llama-3-8B"),
    ("Meta-Llama-3-8B-Instruct", "Llama-3-8B-Instruct"),
    ("Meta-Llama-3.1-8B", "Llama-3.1-8B"),
    ("Meta-Llama-3.1-8B-Instruct", "Llama-3.1-8B-Instruct"),
    ("Meta-Llama-3.1-70B", "Llama-3.1-70B"),
];

/// Models that the hub finds without their owner: those that were there before there were owners.
const OWNERS: [(&str, &str); 4] = [
    ("gpt2", "openai-community"),
    ("gpt2-medium", "openai-community"),
    ("gpt2-large", "openai-community"),
    ("gpt2-xl", "openai-community"),
];

/// A hub id with the name that the model has now; any other as it is.
pub fn renamed(id: &str) -> String {
    let (owner, name) = parts(id);
    let alias = ALIASES.iter().find(|(alias, _)| alias.eq_ignore_ascii_case(name));
    let name = alias.map_or(name, |(_, name)| name);
    match owner {
        Some(owner) => format!("{owner}/{name}"),
        None => name.to_string(),
    }
}

/// Compares two names: hub ids or paths, capitals or not.
pub fn likeness(one: &str, other: &str) -> Likeness {
    let [one, other] = [one, other].map(|name| renamed(name.trim().trim_end_matches('/')).to_lowercase());
    let ((owner, name), (other_owner, other_name)) = (parts(&one), parts(&other));
    let owner_of = |owner: Option<&str>| {
        let known = OWNERS.iter().find(|(of, _)| *of == name);
        owner.or(known.map(|(_, owner)| *owner)).map(str::to_string)
    };
    match (owner_of(owner), owner_of(other_owner)) {
        _ if name != other_name => Likeness::Other,
        (owner, other) if owner == other => Likeness::Same,
        (Some(_), Some(_)) => Likeness::Other,
        _ => Likeness::Namesake,
    }
}

/// Whether two names are the same but for their owner, or the folder that a model lies in.
pub fn same_name(one: &str, other: &str) -> bool {
    let [one, other] = [one, other].map(|name| renamed(name.trim().trim_end_matches('/')).to_lowercase());
    parts(&one).1 == parts(&other).1
}

/// The owner and the name of a hub id.
fn parts(id: &str) -> (Option<&str>, &str) {
    match id.rsplit_once('/') {
        Some((owner, name)) => (Some(owner), name),
        None => (None, id),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_model_has_several_names() {
        use Likeness::{Namesake, Other, Same};
        for (one, other, expected) in [
            ("gpt2", "openai-community/gpt2", Same),
            ("gpt2-small", "openai-community/gpt2", Same),
            ("EleutherAI/pythia-70m", "EleutherAI/Pythia-70m", Same),
            ("meta-llama/Llama-3.1-8B", "meta-llama/Meta-Llama-3.1-8B", Same),
            ("gpt2", "openai-community/gpt2-xl", Other),
            ("someone/gpt2", "openai-community/gpt2", Other),
            // The hub's gpt2 has an owner, and that is not this one.
            ("someone/gpt2", "gpt2", Other),
            ("pythia-70m", "EleutherAI/pythia-70m", Namesake),
            ("pythia-70m", "someone/pythia-70m", Namesake),
            ("pythia-70m", "pythia-70m", Same),
        ] {
            assert_eq!(likeness(one, other), expected, "{one} {other}");
            assert_eq!(likeness(other, one), expected, "{other} {one}");
        }
    }

    #[test]
    fn an_old_name_becomes_the_one_of_today() {
        assert_eq!(renamed("meta-llama/Meta-Llama-3-8B"), "meta-llama/Llama-3-8B");
        assert_eq!(renamed("gpt2-small"), "gpt2");
        assert_eq!(renamed("Qwen/Qwen3-8B"), "Qwen/Qwen3-8B");
    }
}
