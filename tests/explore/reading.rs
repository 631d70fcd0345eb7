//! What the reading thread says, and in which order.

use logit_lens::lens::Follow;

use super::*;

/// All that the reader says of what is asked, until `enough`.
fn answers(asks: Vec<Ask>, wanted: u64, enough: impl Fn(&[Answer]) -> bool) -> Vec<Answer> {
    let (to_reader, receive) = channel();
    let (send, answers) = channel();
    let shared = Shared::default();
    shared.want((0, wanted));
    asks.into_iter().for_each(|ask| to_reader.send(ask).unwrap());
    std::thread::scope(|scope| {
        let shared = &shared;
        scope.spawn(move || {
            let answer = move |answer| _ = send.send(answer);
            Reader::new([&DEMO, &DEMO], &|_, _, _| Ok(()), shared, &answer).run(&receive);
        });
        let mut all = Vec::new();
        while !enough(&all) {
            all.push(answers.recv_timeout(std::time::Duration::from_secs(60)).unwrap());
        }
        drop(to_reader);
        all
    })
}

fn read(id: u64, near: usize, seen: usize, wanted: &[u32]) -> Ask {
    Ask::Read {
        id: (0, id),
        prompt: DEMO.prompt(PROMPT, Bos::Auto).unwrap(),
        request: Box::new(request("")),
        wanted: wanted.to_vec(),
        near,
        seen,
    }
}

#[test]
fn what_is_near_is_read_first_and_everything_once() {
    let rome = DEMO.tokens.id_of(" Rome").unwrap();
    let followed = |answers: &[Answer]| {
        answers
            .iter()
            .filter(|answer| matches!(answer, Answer::Followed(..)))
            .count()
    };
    let all = answers(vec![read(1, 5, 3, &[rome])], 1, |answers| followed(answers) == 4);
    assert!(matches!(all[0], Answer::Began((0, 1), _)));
    let bands =
        |of: fn(&Answer) -> Option<std::ops::Range<usize>>| all.iter().filter_map(of).collect::<Vec<_>>();
    let read = bands(|answer| match answer {
        Answer::Read((0, 1), band, ..) => Some(band.clone()),
        _ => None,
    });
    assert_eq!(read[0], 3..6);
    let mut positions: Vec<usize> = read.iter().cloned().flatten().collect();
    positions.sort_unstable();
    assert_eq!(positions, (0..12).collect::<Vec<_>>());
    // What is read is followed before anything else is read.
    assert!(matches!(&all[2], Answer::Followed((0, 1), band, ..) if *band == (3..6)));
}

/// In bands the readings are those of the whole, but for the rounding of sums of other lengths.
#[test]
fn bands_say_what_a_run_says() {
    compare_bands(request("resid_post,attn_out"));
    // The output is read, and not shown.
    compare_bands(Request {
        layers: "2,5".parse().unwrap(),
        ..request("")
    });
}

fn compare_bands(request: Request) {
    let request = Request {
        follow: Follow::Top1,
        ..request
    };
    let whole = DEMO.read(&[PROMPT], &request).unwrap().remove(0);
    let bands = DEMO
        .bands(DEMO.prompt(PROMPT, Bos::Auto).unwrap(), &request, &())
        .unwrap();
    assert_eq!(bands.len(), 12);
    for band in [0..5, 5..12] {
        let part = bands.read(band.clone(), &()).unwrap();
        let wanted: Vec<Vec<u32>> = (band.clone())
            .map(|at| whole.tracked[at].iter().map(|track| track.id).collect())
            .collect();
        let values = bands.follow(band.clone(), &part, &wanted, &()).unwrap();
        for (nth, at) in band.enumerate() {
            for (row, own) in whole.rows.iter().zip(&part.rows) {
                assert_eq!(row.site, own.site);
                let (a, b) = (&row.readings[at], &own.readings[nth]);
                assert_eq!(a.top.len(), b.top.len());
                for (one, other) in a.top.iter().zip(&b.top) {
                    assert!((one.prob - other.prob).abs() < 1e-5 && (one.logit - other.logit).abs() < 1e-4);
                }
                assert!((a.entropy - b.entropy).abs() < 1e-4);
                assert!((a.forward_kl - b.forward_kl).abs() < 1e-4);
                assert_eq!(a.cross_entropy.is_some(), b.cross_entropy.is_some());
            }
            for (track, token) in whole.tracked[at].iter().zip(0..) {
                for (own, row) in track.values.iter().zip(&values[nth]) {
                    assert_eq!(own.id, row[token].id);
                    assert!((own.prob - row[token].prob).abs() < 1e-5);
                }
            }
        }
    }
}

#[test]
fn what_is_no_longer_wanted_is_not_read() {
    let asks = vec![read(1, 11, 3, &[]), read(2, 11, 3, &[])];
    let all = answers(asks, 2, |answers| {
        answers
            .iter()
            .any(|answer| matches!(answer, Answer::Read((0, 2), ..)))
    });
    assert!(
        !all.iter()
            .any(|answer| matches!(answer, Answer::Began((0, 1), _) | Answer::Failed(..)))
    );
}

#[test]
fn tokens_that_are_pinned_later_are_followed_everywhere() {
    let rome = DEMO.tokens.id_of(" Rome").unwrap();
    let asks = vec![read(1, 11, 12, &[]), Ask::Follow(0, vec![rome])];
    let has_rome = |answer: &Answer| match answer {
        Answer::Followed(_, band, values, names) => {
            *band == (0..12)
                && values
                    .iter()
                    .all(|rows| rows.iter().all(|row| row.iter().any(|t| t.id == rome)))
                && names[&rome].label == "␣Rome"
        }
        _ => false,
    };
    let all = answers(asks, 1, |answers| answers.iter().any(has_rome));
    assert!(all.len() <= 4);
}
