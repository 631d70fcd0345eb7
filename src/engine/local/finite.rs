//! Where numbers cease to be numbers.

use candle_core::{Device, Tensor};

use crate::decoder::{Batch, Point, Site};
use crate::error::{Error, Result};
use crate::model::Model;

impl Model {
    /// The error for readings that are not finite: says where in the model that begins, whichever
    /// layers were read.
    ///
    /// # Errors
    /// Only if the computation itself fails.
    pub(super) fn first_not_finite(&self, batch: &Batch) -> Result<Error> {
        let mut first = None;
        self.decoder.forward(batch, &self.device, &mut |site, tensor| {
            if first.is_none() && !is_finite(&tensor)? {
                first = Some(site);
            }
            Ok(tensor)
        })?;
        let place = match first {
            Some(Site {
                point: Point::Embed, ..
            }) => "in the embedding".to_string(),
            Some(Site {
                layer,
                point: Point::AttnOut,
            }) => format!("at layer {layer}, in its attention"),
            Some(Site {
                layer,
                point: Point::MlpOut,
            }) => format!("at layer {layer}, in its MLP"),
            Some(Site { layer, .. }) => format!("at layer {layer}, in the residual stream"),
            None => "in the final norm or the unembedding".to_string(),
        };
        Ok(Error::failed(
            format!("The model's numbers stop being finite {place}."),
            "The weights hold NaN or infinity there, or overflow in their type; try --dtype f32 or fetch them again.",
        ))
    }
}

fn is_finite(tensor: &Tensor) -> Result<bool> {
    let values = tensor.to_device(&Device::Cpu)?.flatten_all()?.to_vec1::<f32>()?;
    Ok(values.iter().all(|x| x.is_finite()))
}
