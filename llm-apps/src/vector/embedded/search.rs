//! Reading: search, count, pages.

use std::borrow::Cow;
use std::ops::Bound;

use redb::ReadOnlyTable;

use super::lexical;
use super::mask::Mask;
use super::record::{Stored, damaged, read_vector};
use super::resident::Resident;
use super::store::{Fault, Store};
use super::tables::{IDS, RECORDS, VECTORS};
use crate::vector::error::VectorError;
use crate::vector::filter::Filter;
use crate::vector::fusion::fuse;
use crate::vector::point::{Hit, Record};
use crate::vector::request::{Near, Query, ScrollPage, ScrollRequest, SearchRequest};

/// Points that are computed again exactly, at least.
const MIN_RESCORED: usize = 256;
/// Points that are computed again for each that is asked for.
const RESCORED_PER_HIT: usize = 4;

impl Store {
    /// Answers a proved request.
    pub(super) fn search(&self, request: &SearchRequest) -> Result<Vec<Hit>, VectorError> {
        let resident = self.resident.read();
        resident
            .search(request, self.identity.dimension)
            .map_err(|fault| self.explain(fault))
    }

    /// How many points pass a proved filter.
    pub(super) fn count(&self, filter: Option<&Filter>) -> usize {
        self.resident.read().passing(filter).len()
    }

    /// One page of a proved request.
    pub(super) fn scroll(&self, request: &ScrollRequest) -> Result<ScrollPage, VectorError> {
        let resident = self.resident.read();
        resident
            .scroll(request)
            .map_err(|fault| self.explain(fault))
    }

    /// The records of some ids.
    pub(super) fn retrieve(&self, ids: &[String]) -> Result<Vec<Record>, VectorError> {
        let resident = self.resident.read();
        resident.retrieve(ids).map_err(|fault| self.explain(fault))
    }
}

impl Resident {
    fn passing(&self, filter: Option<&Filter>) -> Cow<'_, Mask> {
        match filter {
            None => Cow::Borrowed(&self.live),
            Some(filter) => Cow::Owned(self.columns.pass(filter, &self.live)),
        }
    }

    fn search(&self, request: &SearchRequest, dimension: usize) -> Result<Vec<Hit>, Fault> {
        let mask = self.passing(request.filter.as_ref());
        let mut found = match &request.query {
            Query::Dense(near) => self.nearest(near, &mask, request.limit, dimension)?,
            Query::Sparse(question) => lexical::best(self, question, &mask, request.limit)?,
            Query::Hybrid(near, question) => {
                let keep = request.candidates();
                let lists = [
                    self.nearest(near, &mask, keep, dimension)?,
                    lexical::best(self, question, &mask, keep)?,
                ];
                let mut fused = fuse(&lists.map(|list| list.into_iter().map(|(s, _)| s).collect()));
                sort(&mut fused);
                fused
            }
        };
        found.truncate(request.limit);
        let records = self.snapshot.open_table(RECORDS)?;
        let hits = found.into_iter().map(|(slot, score)| {
            let record = record(&records, slot)?;
            Ok(Hit { record, score })
        });
        hits.collect()
    }

    /// The points of the mask that are nearest, best first, with their cosine similarity.
    fn nearest(
        &self,
        near: &Near,
        mask: &Mask,
        keep: usize,
        dimension: usize,
    ) -> Result<Vec<(u32, f32)>, Fault> {
        let rescored = MIN_RESCORED.max(RESCORED_PER_HIT * keep);
        let candidates = if mask.len() <= rescored {
            mask.iter().collect()
        } else {
            self.codes.nearest(&near.vector, mask, rescored)
        };
        let vectors = self.snapshot.open_table(VECTORS)?;
        let mut vector = vec![0.0; dimension];
        let mut found = Vec::with_capacity(candidates.len());
        for slot in candidates {
            let bytes = vectors.get(slot)?.ok_or_else(|| damaged("vector", slot))?;
            read_vector(slot, bytes.value(), &mut vector)?;
            found.push((slot, similarity(&near.vector, &vector)));
        }
        let threshold = near.score_threshold.unwrap_or(f32::NEG_INFINITY);
        found.retain(|(_, score)| *score >= threshold);
        sort(&mut found);
        found.truncate(keep);
        Ok(found)
    }

    fn scroll(&self, request: &ScrollRequest) -> Result<ScrollPage, Fault> {
        let mask = self.passing(request.filter.as_ref());
        let ids = self.snapshot.open_table(IDS)?;
        let records = self.snapshot.open_table(RECORDS)?;
        let start = match &request.after {
            Some(id) => Bound::Excluded(id.as_str()),
            None => Bound::Unbounded,
        };
        let mut page = ScrollPage {
            records: Vec::new(),
            next: None,
        };
        for entry in ids.range::<&str>((start, Bound::Unbounded))? {
            let (_, slot) = entry?;
            if !mask.contains(slot.value()) {
                continue;
            }
            if page.records.len() == request.limit {
                page.next = page.records.last().map(|record| record.id.clone());
                break;
            }
            page.records.push(record(&records, slot.value())?);
        }
        Ok(page)
    }

    fn retrieve(&self, ids: &[String]) -> Result<Vec<Record>, Fault> {
        let slots = self.snapshot.open_table(IDS)?;
        let records = self.snapshot.open_table(RECORDS)?;
        let mut found = Vec::new();
        for id in ids {
            if let Some(slot) = slots.get(id.as_str())? {
                found.push(record(&records, slot.value())?);
            }
        }
        Ok(found)
    }
}

fn record(records: &ReadOnlyTable<u32, &'static [u8]>, slot: u32) -> Result<Record, Fault> {
    let bytes = records.get(slot)?.ok_or_else(|| damaged("record", slot))?;
    Ok(Stored::read(slot, bytes.value())?.into_record())
}

/// The cosine of two vectors of length 1.
fn similarity(a: &[f32], b: &[f32]) -> f32 {
    let (a, b) = (a.chunks(16), b.chunks(16));
    let mut sums = [0.0_f32; 16];
    for (a, b) in a.zip(b) {
        for (sum, (a, b)) in sums.iter_mut().zip(a.iter().zip(b)) {
            *sum += a * b;
        }
    }
    sums.iter().sum::<f32>().clamp(-1.0, 1.0)
}

/// Best first; equal ones by slot.
fn sort(found: &mut [(u32, f32)]) {
    found.sort_unstable_by(|a, b| b.1.total_cmp(&a.1).then(a.0.cmp(&b.0)));
}
