//! Where the arithmetic runs.

use std::str::FromStr;
use std::sync::{Mutex, PoisonError};

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
    let mut opened = OPENED.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some((_, device)) = opened.iter().find(|(nth, _)| *nth == number) {
        return Ok(device.clone());
    }
    // On a stream of its own, not one for each thread: what one thread has computed, another may read.
    let device = Device::new_cuda_with_stream(number)
        .and_then(keep_memory)
        .map_err(|e| not_there(&format!("The CUDA device {number}"), &e))?;
    opened.push((number, device.clone()));
    Ok(device)
}

/// The CUDA devices that were opened, by number: models share one, with the kernels that were loaded.
static OPENED: Mutex<Vec<(usize, Device)>> = Mutex::new(Vec::new());

/// Has the device keep the memory that is free again: it would give it back whenever it is waited for, and a run
/// waits once for each tile of the vocabulary.
#[cfg(feature = "cuda")]
#[expect(unsafe_code, reason = "the driver's own functions")]
fn keep_memory(device: Device) -> candle_core::Result<Device> {
    use candle_core::cuda_backend::WrapErr;
    use candle_core::cuda_backend::cudarc::driver::{result, sys};

    let ordinal = device.as_cuda_device()?.cuda_stream().context().ordinal();
    let mut all = u64::MAX;
    // SAFETY: the number is that of a device that was opened, and the attribute's value is a u64.
    unsafe {
        let number = result::device::get(ordinal as i32).w()?;
        let pool = result::device::get_default_mem_pool(number).w()?;
        let attribute = sys::CUmemPool_attribute::CU_MEMPOOL_ATTR_RELEASE_THRESHOLD;
        result::mem_pool::set_attribute(pool, attribute, (&raw mut all).cast()).w()?;
    }
    Ok(device)
}

#[cfg(not(feature = "cuda"))]
fn keep_memory(device: Device) -> candle_core::Result<Device> {
    Ok(device)
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
        format!("Use --device cpu, or build lens with cargo build --release --features {feature}."),
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
