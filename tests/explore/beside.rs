//! A second prompt, or a second model, beside the first.

use logit_lens::analysis::compare::{Comparison, Side as Compared};
use logit_lens::explore::state::Difference;

use super::*;

const OTHER: &str = "The capital of Japan is";

/// Two prompts of the demo beside each other, read and measured.
pub fn two(first: &str, second: &str, size: (u16, u16)) -> State {
    let mut state = state(first, size);
    state.set_beside(DEMO.card.name.clone(), second.to_string(), true);
    read_into(&mut state, 1, &DEMO, second, "");
    for (from_end, gaps) in measured(first, second) {
        state.add_gaps(from_end, gaps);
    }
    state
}

type Gaps = Vec<Option<logit_lens::analysis::divergence::Divergence>>;

/// What the reading thread measures of two prompts.
fn measured(first: &str, second: &str) -> Vec<(usize, Gaps)> {
    let (to_reader, asks) = channel();
    let (send, answers) = channel();
    let shared = Shared::default();
    for (which, text) in [first, second].into_iter().enumerate() {
        shared.want((which, 1));
        let prompt = DEMO.prompt(text, Bos::Auto).unwrap();
        let near = prompt.ids.len() - 1;
        let read = Ask::Read {
            id: (which, 1),
            prompt,
            request: Box::new(request("")),
            wanted: Vec::new(),
            near,
            seen: 4,
        };
        to_reader.send(read).unwrap();
    }
    to_reader.send(Ask::Measure(true)).unwrap();
    let both = [first, second].map(|text| DEMO.prompt(text, Bos::Auto).unwrap().ids.len());
    let count = both[0].min(both[1]);
    std::thread::scope(|scope| {
        let shared = &shared;
        scope.spawn(move || {
            let answer = move |answer| _ = send.send(answer);
            Reader::new([&DEMO, &DEMO], &|_, _, _| Ok(()), shared, &answer).run(&asks);
        });
        let mut all = Vec::new();
        while all.len() < count {
            match answers.recv_timeout(std::time::Duration::from_secs(60)).unwrap() {
                Answer::Measured([1, 1], from_end, gaps) => all.push((from_end, gaps)),
                Answer::Failed(_, error) => panic!("{error}"),
                _ => {}
            }
        }
        drop(to_reader);
        all
    })
}

/// What is measured is what `--compare` says, from what is nearest on.
#[test]
fn differences_are_those_of_a_comparison() {
    let gaps = measured(PROMPT, OTHER);
    assert_eq!(gaps[0].0, 1);
    let request = Request {
        keep_rows: true,
        ..request("")
    };
    let read = DEMO.read(&[PROMPT, OTHER], &request).unwrap();
    let side = |trajectory| Compared {
        model: &DEMO,
        trajectory,
    };
    let comparison = Comparison::new(side(&read[0]), side(&read[1])).unwrap();
    let mut seen = 0;
    for pair in &comparison.positions {
        let from_end = read[0].prompt.ids.len() - pair.left;
        let (_, own) = gaps.iter().find(|(other, _)| *other == from_end).unwrap();
        for row in &pair.rows {
            let kl = row.kl.unwrap()[0];
            let gap = own[row.left].unwrap();
            // Sums in bands of other lengths round otherwise.
            assert!((gap.kl - kl).abs() < 1e-3 * kl.max(1.), "{} {kl}", gap.kl);
            assert!((0. ..=1.).contains(&gap.tv));
            seen += 1;
        }
    }
    assert!(seen > 50);
}

#[test]
fn two_prompts_are_aligned_from_the_end() {
    let mut state = two(OTHER, PROMPT, (120, 30));
    let lengths = [OTHER, PROMPT].map(|text| DEMO.prompt(text, Bos::Auto).unwrap().ids.len());
    let before = lengths[1] - lengths[0];
    assert!(before > 0);
    // The cursor is still at the first's output.
    assert_eq!((state.side.which, state.cursor.at), (0, lengths[1] - 1));
    let first = |state: &State| state.sides().0.picture.clone().unwrap();
    assert_eq!(first(&state).before(), before);
    assert_eq!(DEMO.tokens.text(state.top()[0].id), " Tokyo");
    press(&mut state, KeyCode::Tab);
    assert_eq!(state.side.which, 1);
    assert_eq!(DEMO.tokens.text(state.top()[0].id), " Paris");
    // The first has nothing there.
    keys(&mut state, "0");
    assert_eq!(state.cursor.at, 0);
    assert!(first(&state).reading(3, 0).is_none());
    assert_eq!(first(&state).head(0), "");
    // Taken away, the first is alone where it was.
    keys(&mut state, "$");
    assert_eq!(keys(&mut state, "A"), Some(Effect::LeaveBeside));
    assert_eq!((state.side.which, state.cursor.at), (0, lengths[0] - 1));
    assert!(state.beside.is_none());
    assert_eq!(first(&state).before(), 0);
}

#[test]
fn a_second_prompt_is_typed() {
    let mut state = state(PROMPT, (120, 30));
    keys(&mut state, "a");
    state.press(&KeyEvent::new(KeyCode::Char('u'), KeyModifiers::CONTROL));
    keys(&mut state, "Hello");
    assert_eq!(
        press(&mut state, KeyCode::Enter),
        Some(Effect::Beside("Hello".to_string()))
    );
    // What there is one of has no difference.
    assert_eq!(keys(&mut state, "d"), None);
    assert!(state.message.as_ref().unwrap().is_error);
}

#[test]
fn the_difference_goes_round_and_is_walked_through() {
    let mut state = two(PROMPT, OTHER, (120, 30));
    for difference in [Difference::Kl, Difference::Tv, Difference::Top] {
        let measured = difference != Difference::Top;
        assert_eq!(keys(&mut state, "d"), Some(Effect::Measure(measured)));
        assert_eq!(state.view.difference, Some(difference));
    }
    keys(&mut state, "d");
    assert_eq!(state.view.difference, None);
    keys(&mut state, "d");
    let mut before = f64::INFINITY;
    for _ in 0..5 {
        keys(&mut state, "n");
        let gap = state
            .gap(Difference::Kl, state.cursor.row, state.cursor.at)
            .unwrap();
        assert!(gap <= before && gap > 0.);
        before = gap;
        let (first, second) = state.sides();
        let top = |side: &logit_lens::explore::state::Side| {
            side.top1(state.cursor.row, state.cursor.at).unwrap().to_string()
        };
        assert_ne!(top(first), top(second.unwrap()));
    }
    let there = state.cursor;
    keys(&mut state, "nN");
    assert_eq!(state.cursor, there);
    // Another colour takes its place.
    keys(&mut state, "c");
    assert_eq!(state.view.difference, None);
}

#[test]
fn a_prompt_does_not_differ_from_itself() {
    let mut state = two(PROMPT, PROMPT, (120, 30));
    keys(&mut state, "dn");
    assert!(state.message.as_ref().unwrap().text.contains("the same"));
    for row in 0..11 {
        for at in 0..12 {
            assert_eq!(state.gap(Difference::Kl, row, at), Some(0.));
            assert_eq!(state.gap(Difference::Top, row, at), Some(0.));
        }
    }
}

#[test]
fn tokens_are_pinned_on_both_sides() {
    let mut state = two(PROMPT, OTHER, (120, 30));
    press(&mut state, KeyCode::Enter);
    let (first, second) = state.sides();
    assert_eq!(first.pins, second.unwrap().pins);
    assert_eq!(first.pins.len(), 1);
    keys(&mut state, "x");
    assert!(state.sides().1.unwrap().pins.is_empty());
}
