//! A model in several files, `NAME-00001-of-00003.gguf` and so on.

use std::path::{Path, PathBuf};

use crate::error::{Error, Result};

/// The files of the model that the file at `path` is, or is a part of, in their order.
///
/// # Errors
/// A part that is not there.
pub fn parts(path: &Path) -> Result<Vec<PathBuf>> {
    let name = path.file_name().map(|name| name.to_string_lossy().into_owned());
    let Some((stem, _, count)) = name.as_deref().and_then(numbered) else {
        return Ok(vec![path.to_path_buf()]);
    };
    let part = |number: usize| path.with_file_name(format!("{stem}-{number:05}-of-{count:05}.gguf"));
    let parts: Vec<PathBuf> = (1..=count).map(part).collect();
    match parts.iter().find(|part| !part.is_file()) {
        None => Ok(parts),
        Some(missing) => Err(Error::failed(
            format!(
                "{} is one of {count} parts, and {} is not there.",
                path.display(),
                missing.display()
            ),
            "Put all parts into one directory.",
        )),
    }
}

/// Which part the file at `path` is, and of how many.
pub fn part_of(path: &Path) -> Option<(usize, usize)> {
    let name = path.file_name()?.to_string_lossy();
    numbered(&name).map(|(_, number, count)| (number, count))
}

/// The name before the number, the number, and how many parts there are.
pub fn numbered(name: &str) -> Option<(&str, usize, usize)> {
    let name = name.strip_suffix(".gguf")?;
    let (rest, count) = name.rsplit_once("-of-")?;
    let (stem, number) = rest.rsplit_once('-')?;
    let number_of = |text: &str| {
        let is_number = text.len() == 5 && text.bytes().all(|b| b.is_ascii_digit());
        text.parse().ok().filter(|&n: &usize| is_number && n > 0)
    };
    Some((stem, number_of(number)?, number_of(count)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_are_told_by_their_names() {
        assert_eq!(numbered("m-00002-of-00003.gguf"), Some(("m", 2, 3)));
        for name in [
            "m.gguf",
            "m-2-of-3.gguf",
            "m-00001-of-00000.gguf",
            "m-00001-of-0000x.gguf",
            "00001-of-00003.gguf",
        ] {
            assert_eq!(numbered(name), None, "{name}");
        }
    }
}
