//! A prompt that comes through stdin: `lens -`, or text in a pipe and no prompt.

use std::io::{self, IsTerminal, Read};

use logit_lens::error::{Error, Result};

/// The longest prompt, in bytes: far beyond every model's context.
const LONGEST: u64 = 16 << 20;

/// The whole of stdin as one prompt, without the end of its last line.
///
/// # Errors
/// What is not text, is too long or is nothing.
pub fn prompt() -> Result<String> {
    let text = read()?;
    match text.is_empty() {
        true => Err(Error::usage(
            "There is no prompt: stdin is empty.",
            "Try: echo \"The Eiffel Tower is in the city of\" | lens -",
        )),
        false => Ok(text),
    }
}

/// What is in a pipe to stdin; nothing where it is a terminal or empty.
///
/// # Errors
/// As [`prompt`].
pub fn piped() -> Result<Option<String>> {
    match io::stdin().is_terminal() {
        true => Ok(None),
        false => Ok(Some(read()?).filter(|text| !text.is_empty())),
    }
}

fn read() -> Result<String> {
    let mut bytes = Vec::new();
    let read = io::stdin().lock().take(LONGEST + 1).read_to_end(&mut bytes);
    match read {
        // One that was closed.
        Err(error) if cfg!(unix) && error.raw_os_error() == Some(9) => return Ok(String::new()),
        Err(error) => {
            return Err(Error::failed(
                format!("stdin cannot be read: {error}."),
                "Give the prompt as an argument.",
            ));
        }
        Ok(_) => {}
    }
    if bytes.len() as u64 > LONGEST {
        return Err(Error::failed(
            "The prompt on stdin is longer than 16 MiB.",
            "Give one that fits the model, or many, one per line, with --prompts -.",
        ));
    }
    let text = String::from_utf8(bytes)
        .map_err(|_| Error::failed("The prompt on stdin is not UTF-8.", "Give it as UTF-8."))?;
    let text = text.strip_suffix('\n').unwrap_or(&text);
    Ok(text.strip_suffix('\r').unwrap_or(text).to_string())
}
