//! Tokens followed through the layers.

use std::collections::HashSet;
use std::rc::Rc;

use super::{Builder, Detail};
use crate::decoder::Point;
use crate::lens::Track as Followed;
use crate::report::json::document::{ByPosition, Track};
use crate::report::json::sequence::Entries;

impl<'a> Builder<'a> {
    /// The ids of the tokens to plot at a position.
    pub(super) fn followed(&self, at: usize) -> Vec<u32> {
        let targets = self.document.trajectory.targets_at(at, self.document.tokens);
        let followed = targets.into_iter().filter(|target| !target.sequence);
        followed.flat_map(|target| target.ids).collect()
    }

    /// V2's trajectories: probability by layer, keyed by text, likeliest first.
    pub(super) fn tracked(&self, point: Point) -> ByPosition<'a, Entries<'a, Vec<f64>>> {
        let (builder, rows) = (self.clone(), Rc::<[usize]>::from(self.rows_at(point)));
        let tokens = self.document.tokens;
        self.by_position(move |at| {
            let mut seen = HashSet::new();
            let tracks = builder.tracks(at).into_iter();
            let tracks: Vec<_> = tracks
                .filter(|track| seen.insert(tokens.exact(track.id)))
                .collect();
            let rows = rows.clone();
            Entries::new(tracks.len(), move |i| {
                let probs = rows.iter().map(|&row| tracks[i].values[row].prob);
                (tokens.exact(tracks[i].id), probs.collect())
            })
        })
    }

    /// The same by id, with logits and ranks.
    pub(super) fn tracked_ids(&self, point: Point) -> ByPosition<'a, Entries<'a, Track>> {
        let (builder, rows) = (self.clone(), Rc::<[usize]>::from(self.rows_at(point)));
        let tokens = self.document.tokens;
        let full = self.detail == Detail::Full;
        self.by_position(move |at| {
            let (tracks, rows) = (builder.tracks(at), rows.clone());
            Entries::new(tracks.len(), move |i| {
                let values = || rows.iter().map(|&row| tracks[i].values[row]);
                let track = Track {
                    token: tokens.exact(tracks[i].id),
                    probs: values().map(|v| v.prob).collect(),
                    logits: full.then(|| values().map(|v| v.logit.into()).collect()),
                    ranks: values().map(|v| v.rank).collect(),
                };
                (tracks[i].id.to_string(), track)
            })
        })
    }

    /// The tokens followed at a position for their own sake: for being a target or among the top
    /// somewhere, not only for targets to be compared with.
    fn tracks(&self, at: usize) -> Vec<&'a Followed> {
        let trajectory = self.document.trajectory;
        let beside = trajectory.targets.iter().filter_map(|target| target.other_form);
        let against = (self.document.against.iter()).flat_map(|against| against.ids.iter().copied());
        let helpers: HashSet<u32> = beside.chain(against).collect();
        let is_wanted = |id: u32| {
            !helpers.contains(&id)
                || trajectory.targets.iter().any(|target| target.ids.contains(&id))
                || self.is_among_the_top(id)
        };
        let tracks = trajectory.tracked[at].iter();
        tracks.filter(|track| is_wanted(track.id)).collect()
    }

    fn is_among_the_top(&self, id: u32) -> bool {
        let rows = self.document.trajectory.rows.iter();
        let mut readings = rows.flat_map(|row| &row.readings);
        readings.any(|reading| reading.top.iter().any(|c| c.id == id))
    }
}
