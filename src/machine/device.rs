//! Where the arithmetic runs.

use std::str::FromStr;

use candle_core::Device;
use candle_core::utils::{cuda_is_available, metal_is_available};

use crate::error::{Error, Result, words};

/// A device as `--device` names it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum DeviceChoice {
    /// A GPU if this build can use one and it is there, the CPU otherwise.
    #[default]
    Auto,
    Cpu,
    /// The CUDA device of this number.
    Cuda(usize),
    Metal,
}

impl FromStr for DeviceChoice {
    type Err = String;

    fn from_str(text: &str) -> std::result::Result<Self, String> {
        match text {
            "auto" => Ok(Self::Auto),
            "cpu" => Ok(Self::Cpu),
            "cuda" => Ok(Self::Cuda(0)),
            "metal" => Ok(Self::Metal),
            _ => match text.strip_prefix("cuda:").map(str::parse) {
                Some(Ok(number)) => Ok(Self::Cuda(number)),
                _ => Err(format!(
                    "{text:?} is no device; write auto, cpu, cuda, cuda:N or metal"
                )),
            },
        }
    }
}

impl DeviceChoice {
    /// Opens the device.
    ///
    /// # Errors
    /// A device that this build cannot use, or that is not there.
    pub fn open(self) -> Result<Device> {
        match self {
            Self::Cpu => Ok(Device::Cpu),
            Self::Cuda(number) => cuda(number),
            Self::Metal => metal(),
            Self::Auto if cuda_is_available() => Ok(cuda(0).unwrap_or(Device::Cpu)),
            Self::Auto if metal_is_available() => Ok(metal().unwrap_or(Device::Cpu)),
            Self::Auto => Ok(Device::Cpu),
        }
    }
}

fn cuda(number: usize) -> Result<Device> {
    if !cuda_is_available() {
        return Err(not_built("CUDA", "cuda"));
    }
    Device::new_cuda(number).map_err(|e| not_there(&format!("The CUDA device {number}"), &e))
}

fn metal() -> Result<Device> {
    if !metal_is_available() {
        return Err(not_built("Metal", "metal"));
    }
    Device::new_metal(0).map_err(|e| not_there("The Metal device", &e))
}

fn not_built(name: &str, feature: &str) -> Error {
    Error::usage(
        format!("This lens was built without {name}."),
        format!("Use --device cpu, or build it with cargo install logit-lens --features {feature}."),
    )
}

fn not_there(what: &str, error: &candle_core::Error) -> Error {
    Error::failed(
        format!("{what} cannot be used: {}.", words(error)),
        "Check that its driver works, or use --device cpu.",
    )
}

/// The device's name for people and for `meta`.
pub fn name(device: &Device) -> String {
    match device.location() {
        candle_core::DeviceLocation::Cpu => "cpu".to_string(),
        candle_core::DeviceLocation::Cuda { gpu_id } => format!("cuda:{gpu_id}"),
        candle_core::DeviceLocation::Metal { .. } => "metal".to_string(),
    }
}
