//! Tokens followed through the rows of a position.

use crate::lens::{Follow, Request, Track};
use crate::readout::{Reading, Tracked};
use crate::text::targets::Target;

/// At each position, the tokens `wanted` there, through those of its rows whose numbers are `shown`.
pub fn tracks(
    values: &[Vec<Tracked>],
    sites: usize,
    shown: &[usize],
    wanted: &[Vec<u32>],
) -> Vec<Vec<Track>> {
    let positions = wanted.iter().zip(values.chunks_exact(sites));
    positions
        .map(|(ids, values)| {
            let track = |(nth, &id): (usize, &u32)| Track {
                id,
                values: shown.iter().map(|&row| values[row][nth]).collect(),
            };
            let mut tracks: Vec<Track> = ids.iter().enumerate().map(track).collect();
            tracks.sort_by(|a, b| b.highest().total_cmp(&a.highest()).then(a.id.cmp(&b.id)));
            tracks
        })
        .collect()
}

/// The tokens to follow at a position with these readings, this output, this next token and these targets:
/// each once, rising.
pub fn ids_to_follow(
    readings: &[&Reading],
    output: &Reading,
    next: Option<u32>,
    targets: &[Target],
    request: &Request,
) -> Vec<u32> {
    let most = request.follow.count(request.top_k);
    let top = (readings.iter())
        .flat_map(|reading| reading.top.iter().take(most))
        .map(|candidate| candidate.id);
    let named = (targets.iter().chain(&request.against))
        .filter(|target| !target.sequence)
        .flat_map(|target| target.ids.iter().copied().chain(target.other_form));
    // What the model says in the end leads there, whether that row is shown or not.
    let answer = (request.follow == Follow::Top1).then(|| output.top1().id);
    let next = next.filter(|_| request.follow_next);
    let mut ids: Vec<u32> = top.chain(named).chain(answer).chain(next).collect();
    ids.sort_unstable();
    ids.dedup();
    ids
}
