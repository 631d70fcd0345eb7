//! The view as a file and as a command.

use logit_lens::explore::command::{Options, command};
use logit_lens::explore::state::{Effect, Open, State};
use ratatui::crossterm::event::KeyCode;

use super::ctrl;
use crate::{PROMPT, keys, press, state};

#[test]
fn the_view_is_written_and_said_as_a_command() {
    let mut state = state(PROMPT, (120, 30));
    keys(&mut state, "o");
    let write = |file: &str| {
        Some(Effect::Write {
            file: file.to_string(),
            replace: false,
        })
    };
    assert_eq!(press(&mut state, KeyCode::Enter), write("lens.html"));
    keys(&mut state, "o");
    state.press(&ctrl('u'));
    keys(&mut state, "a.svg");
    assert_eq!(press(&mut state, KeyCode::Enter), write("a.svg"));
    assert_eq!(keys(&mut state, "y"), Some(Effect::Command));
    state.open = Open::Command("lens".to_string());
    keys(&mut state, "q");
    assert_eq!(state.open, Open::Nothing);
}

/// The command is one that `lens` takes, and says all that is not as it is by default.
#[test]
fn the_command_gives_the_view() {
    let mut state = state(PROMPT, (120, 30));
    let prompt = state.side.picture.as_ref().unwrap().prompt.clone();
    let options = Options {
        model: vec!["--model".to_string(), "demo".to_string()],
        text: vec!["--bos".to_string(), "never".to_string()],
        lenses: vec!["logit".to_string(), "tuned=a dir".to_string()],
    };
    let said = |state: &State, by_ids| command(state, &prompt, by_ids, &options);
    assert_eq!(
        said(&state, false),
        format!("lens '{PROMPT}' --model demo --bos never --heatmap")
    );
    let paris = state.top()[0].id;
    press(&mut state, KeyCode::Enter);
    keys(&mut state, "ccvwp");
    let all = said(&state, true);
    let ids: Vec<String> = prompt.ids.iter().map(u32::to_string).collect();
    assert_eq!(
        all,
        format!(
            "lens --ids {} --model demo --heatmap --point resid_mid --color-by rank --track id:{paris} --order down \
             --words",
            ids.join(",")
        )
    );
    let args: Vec<&str> = all.split(' ').skip(1).collect();
    let run = crate::support::run(&args);
    assert_eq!((run.code, run.stderr.as_str()), (Some(0), ""), "{all}");
    assert!(run.stdout.contains("9_mid") && run.stdout.contains("rank of ␣Paris"));
}
