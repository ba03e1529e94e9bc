//! To which lengths a model's vectors may be cut.
//!
//! A model that was trained so that the beginning of a vector is a vector too (Kusupati et al., "Matryoshka
//! Representation Learning", 2022) says it in `config.json`: `matryoshka_dimensions` lists the lengths,
//! `is_matryoshka` allows any. Of other models half a vector means nothing.

use std::path::Path;

use serde::Deserialize;
use serde_json::Value;

use crate::checkpoint::EncoderError;

/// Lengths of a model's vectors.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Dimensions {
    /// The whole vector only.
    Whole,
    /// One of these, beside the whole.
    Some(Vec<usize>),
    /// Any from 1 to the whole.
    Any,
}

#[derive(Deserialize)]
struct Described {
    matryoshka_dimensions: Option<Vec<usize>>,
    is_matryoshka: Option<bool>,
}

impl Dimensions {
    /// Reads the description of a model whose vectors have `whole` numbers.
    pub(super) fn read(path: &Path, value: &Value, whole: usize) -> Result<Self, EncoderError> {
        let described = Described::deserialize(value);
        let described = described.map_err(|error| EncoderError::corrupt(path, error))?;
        match (described.matryoshka_dimensions, described.is_matryoshka) {
            (Some(lengths), _) => {
                if let Some(wrong) = lengths.iter().find(|length| !(1..=whole).contains(*length)) {
                    let why = format!(
                        "`matryoshka_dimensions` has {wrong}, but vectors have from 1 to {whole} numbers"
                    );
                    return Err(EncoderError::corrupt(path, why));
                }
                Ok(Self::Some(lengths))
            }
            (None, Some(true)) => Ok(Self::Any),
            (None, _) => Ok(Self::Whole),
        }
    }

    /// These, and `lengths`.
    pub(super) fn with(self, lengths: &[usize]) -> Self {
        if lengths.is_empty() {
            return self;
        }
        match self {
            Self::Any => Self::Any,
            Self::Whole => Self::Some(lengths.to_vec()),
            Self::Some(mut known) => {
                known.extend_from_slice(lengths);
                Self::Some(known)
            }
        }
    }

    /// Whether vectors of `whole` numbers may be cut to `length`.
    pub fn allow(&self, length: usize, whole: usize) -> bool {
        let cut = match self {
            Self::Whole => false,
            Self::Some(lengths) => lengths.contains(&length),
            Self::Any => (1..whole).contains(&length),
        };
        cut || length == whole
    }
}

/// The beginning of a vector as a vector of its own: cut to `length` and scaled to length 1; zeros stay.
pub(super) fn cut(vector: &mut Vec<f32>, length: usize) {
    if length >= vector.len() {
        return;
    }
    vector.truncate(length);
    let norm = vector.iter().map(|x| x * x).sum::<f32>().sqrt().max(1e-12);
    for number in vector {
        *number /= norm;
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn read(value: &Value) -> Result<Dimensions, EncoderError> {
        Dimensions::read(Path::new("config.json"), value, 8)
    }

    #[test]
    fn what_a_model_was_trained_for_is_allowed_and_no_more() {
        let whole = read(&json!({})).unwrap();
        let some = read(&json!({"matryoshka_dimensions": [2, 4]})).unwrap();
        let any = read(&json!({"is_matryoshka": true})).unwrap();
        let allowed = |d: &Dimensions| (0..=9).filter(|l| d.allow(*l, 8)).collect::<Vec<_>>();
        assert_eq!(allowed(&whole), [8]);
        assert_eq!(allowed(&some), [2, 4, 8]);
        assert_eq!(allowed(&any), [1, 2, 3, 4, 5, 6, 7, 8]);
        for wrong in [json!([0]), json!([9]), json!("8")] {
            assert!(read(&json!({"matryoshka_dimensions": wrong})).is_err());
        }
    }

    #[test]
    fn a_cut_vector_has_length_one() {
        let mut vector = vec![3.0, 4.0, 12.0];
        cut(&mut vector, 2);
        assert!((vector[0] - 0.6).abs() < 1e-6 && (vector[1] - 0.8).abs() < 1e-6);
        let mut zeros = vec![0.0; 3];
        cut(&mut zeros, 2);
        assert_eq!(zeros, [0.0, 0.0]);
    }
}
