//! Completions: a shell's script asks lens itself, which knows the options and the models in the cache.

use std::ffi::OsStr;

use anyhow::Result;
use clap::CommandFactory;
use clap_complete::Shell;
use clap_complete::engine::{CompletionCandidate, PathCompleter, ValueCompleter};
use clap_complete::env::{CompleteEnv, Shells};
use logit_lens::source::{self, HubOptions};

use super::args::Args;

/// The variable with which a script asks.
const VARIABLE: &str = "LENS_COMPLETE";

/// Answers a shell's script, where one asks; whether it did.
///
/// # Errors
/// A shell that is not known.
pub fn answer() -> clap::error::Result<bool> {
    let here = std::env::current_dir().ok();
    CompleteEnv::with_factory(Args::command)
        .var(VARIABLE)
        .try_complete(std::env::args_os(), here.as_deref())
}

/// The end of zsh's script: what is to be called for `lens`.
const ZSH_END: &str = "compdef _clap_dynamic_completer_lens lens";

/// The same where the script may be a file `_lens` that zsh reads at the first Tab: it is then asked at once.
const ZSH_END_OF_A_FILE: &str = r#"if [ "$funcstack[1]" = "_lens" ]; then
    _clap_dynamic_completer_lens "$@"
else
    compdef _clap_dynamic_completer_lens lens
fi"#;

/// Where bash's script has the words that were typed, and where it has lens's answer.
const BASH_WORDS: &str = r#"        words[COMP_CWORD]="$2"
    fi
"#;
const BASH_ANSWER: &str = r#"        compopt -o nospace
    fi
}"#;

/// For bash `=` and `:` end a word, so that it asks about the `j` of `--format=j`, and takes an answer for that alone:
/// the word is put together, and of the answers its beginning is taken away.
const BASH_WHOLE_WORDS: &str = r#"    local begun="${COMP_LINE:0:COMP_POINT}"
    begun="${begun##*[[:space:]]}"
    begun="${begun%"$2"}"
    if [[ "$begun" == *[=:] ]]; then
        local rest="$begun"
        [[ "$2" == "" && "${COMP_WORDS[COMP_CWORD]}" == [=:] ]] && rest="${rest%?}"
        while [[ "$rest" != "" && "$_CLAP_COMPLETE_INDEX" -gt 1 ]]; do
            _CLAP_COMPLETE_INDEX=$((_CLAP_COMPLETE_INDEX - 1))
            rest="${rest%"${words[_CLAP_COMPLETE_INDEX]}"}"
        done
        words=("${words[@]:0:_CLAP_COMPLETE_INDEX}" "$begun$2" "${words[@]:COMP_CWORD + 1}")
    else
        begun=""
    fi
"#;
const BASH_END_OF_ANSWER: &str = r#"        compopt -o nospace
    fi
    COMPREPLY=("${COMPREPLY[@]#"$begun"}")
}"#;

/// The script for `shell`.
///
/// # Errors
/// None that a shell of the list has.
pub fn script(shell: Shell) -> Result<Vec<u8>> {
    let mut script = Vec::new();
    if let Some(completer) = Shells::builtins().completer(&shell.to_string()) {
        completer.write_registration(VARIABLE, "lens", "lens", "lens", &mut script)?;
    }
    Ok(match shell {
        Shell::Bash => String::from_utf8_lossy(&script)
            .replace(BASH_WORDS, &[BASH_WORDS, BASH_WHOLE_WORDS].concat())
            .replace(BASH_ANSWER, BASH_END_OF_ANSWER)
            .into_bytes(),
        Shell::Zsh => String::from_utf8_lossy(&script)
            .replace(ZSH_END, ZSH_END_OF_A_FILE)
            .into_bytes(),
        _ => script,
    })
}

/// What `--model` may be: the demo, what is in the cache, files and directories.
pub fn models(current: &OsStr) -> Vec<CompletionCandidate> {
    let typed = current.to_string_lossy();
    let named = [source::DEMO.to_string()]
        .into_iter()
        .chain(source::cached(&HubOptions::default()));
    let named = named
        .filter(|name| name.starts_with(&*typed))
        .map(CompletionCandidate::new);
    named.chain(PathCompleter::any().complete(current)).collect()
}
