//! A list of prompts: what is seen of it, and how one goes through it.

use logit_lens::explore::keys::{self, HelpLine};
use logit_lens::explore::state::{List, Outcome, Sort};

use super::*;
use crate::screens::list;

fn listed() -> State {
    let mut state = State::new(
        "demo".to_string(),
        vec!["logit".to_string()],
        String::new(),
        (80, 24),
    );
    state.list_prompts(list());
    state
}

fn ids(state: &State) -> Vec<&str> {
    let list = state.list.as_ref().unwrap();
    list.shown
        .iter()
        .map(|&nth| list.entries[nth].id.as_deref().unwrap())
        .collect()
}

#[test]
fn what_is_worst_comes_first() {
    let mut state = listed();
    assert_eq!(ids(&state), ["paris", "rome", "東京", "later", "long"]);
    keys(&mut state, "s");
    // What cannot be read, what failed, what ranks its target lower, what is less sure.
    assert_eq!(ids(&state), ["long", "rome", "paris", "東京", "later"]);
    keys(&mut state, "s");
    assert_eq!(ids(&state)[..2], ["東京", "rome"]);
    keys(&mut state, "s");
    assert_eq!(state.list.as_ref().unwrap().sort, Sort::Given);
}

#[test]
fn the_help_begins_with_the_keys_of_the_list() {
    let lines = keys::help_in_list("");
    assert_eq!(lines[0], HelpLine::Heading("In a list of prompts"));
    assert_eq!(lines.len(), keys::help("").len());
}

#[test]
fn what_has_the_words_is_seen() {
    let mut state = listed();
    keys(&mut state, "/city of");
    assert_eq!(ids(&state), ["paris", "rome"]);
    press(&mut state, KeyCode::Enter);
    keys(&mut state, "/");
    keys(&mut state, " rome");
    assert_eq!(ids(&state), ["rome"]);
    // Given up, it is as it was.
    press(&mut state, KeyCode::Esc);
    assert_eq!(ids(&state), ["paris", "rome"]);
    press(&mut state, KeyCode::Esc);
    assert_eq!(ids(&state).len(), 5);
    keys(&mut state, "/failed");
    assert_eq!(ids(&state), ["rome"]);
    keys(&mut state, "xyz");
    assert!(ids(&state).is_empty());
    press(&mut state, KeyCode::Enter);
    assert_eq!(press(&mut state, KeyCode::Enter), None);
}

#[test]
fn a_prompt_is_opened_and_left_for_its_neighbour() {
    let mut state = listed();
    keys(&mut state, "sj");
    assert_eq!(press(&mut state, KeyCode::Enter), Some(Effect::Open(1)));
    assert!(!state.is_in_list());
    // The keys are the grid's now.
    assert_eq!(keys(&mut state, "p"), Some(Effect::Read));
    assert_eq!(keys(&mut state, "]"), Some(Effect::Open(0)));
    assert_eq!(keys(&mut state, "["), Some(Effect::Open(1)));
    assert_eq!(keys(&mut state, "["), Some(Effect::Open(4)));
    assert_eq!(keys(&mut state, "["), None);
    press(&mut state, KeyCode::Esc);
    assert!(state.is_in_list());
    assert_eq!(state.list.as_ref().unwrap().selection(), Some(4));
    // What is of a prompt alone does nothing here.
    assert_eq!(keys(&mut state, "+"), None);
    assert_eq!(keys(&mut state, "q"), Some(Effect::Quit));
}

#[test]
fn the_selected_stays_so_while_others_come_in() {
    let mut state = listed();
    keys(&mut state, "sjj");
    let list = |state: &State| state.list.clone().unwrap();
    let selected = list(&state).selection();
    let outcome = list(&state).entries[1].outcome.clone();
    state.set_outcomes(vec![(3, outcome, Some("␣y".to_string()))]);
    assert_eq!(list(&state).selection(), selected);
    assert_eq!(list(&state).entries[3].target.as_deref(), Some("␣y"));
    let many = vec![list(&state).entries[0].clone(); 1000];
    state.list_prompts(List::new(many));
    keys(&mut state, "G");
    assert_eq!(list(&state).selected, 999);
    assert_eq!(list(&state).above, 1000 - state.list_height());
    keys(&mut state, "g");
    assert_eq!((list(&state).selected, list(&state).above), (0, 0));
}

/// What is said of a prompt is what a run says of it.
#[test]
fn the_reader_says_what_prompts_come_to() {
    let (to_reader, asks) = channel();
    let (send, answers) = channel();
    let shared = Shared::default();
    let texts = [PROMPT, "The capital of Japan is"];
    let prompt = |text: &str| {
        let mut prompt = DEMO.prompt(text, Bos::Auto).unwrap();
        let target: logit_lens::text::targets::TargetSpec = " Paris".parse().unwrap();
        prompt
            .targets
            .push(target.resolve(&DEMO.tokens, DEMO.card.vocabulary).unwrap());
        prompt
    };
    let request = Request {
        positions: Positions::default(),
        ..request("resid_post")
    };
    let prompts = texts.iter().enumerate();
    let survey = Ask::Survey {
        prompts: prompts.map(|(nth, text)| (nth, prompt(text))).collect(),
        request: Box::new(request),
    };
    to_reader.send(survey).unwrap();
    let listed = std::thread::scope(|scope| {
        let shared = &shared;
        scope.spawn(move || {
            let answer = move |answer| _ = send.send(answer);
            Reader::new([&DEMO, &DEMO], &|_, _, _| Ok(()), shared, &answer).run(&asks);
        });
        let answer = answers.recv_timeout(std::time::Duration::from_secs(60)).unwrap();
        drop(to_reader);
        match answer {
            Answer::Listed(listed, true) => listed,
            _ => panic!("nothing is listed"),
        }
    });
    let summaries: Vec<_> = (listed.iter())
        .map(|(_, outcome, _)| match outcome {
            Outcome::Read(summary) => summary.clone(),
            other => panic!("{other:?}"),
        })
        .collect();
    let outputs: Vec<&str> = summaries.iter().map(|summary| summary.output.as_str()).collect();
    assert_eq!(outputs, ["␣Paris", "␣Tokyo"]);
    let (prob, rank) = summaries[0].target.unwrap();
    assert!(rank == 1 && (prob - summaries[0].output_prob).abs() < 1e-9);
    assert!(summaries[1].target.unwrap().1 > 1);
    assert_eq!(listed[0].2.as_deref(), Some("␣Paris"));
}
