//! Compiles the readout's kernels, where CUDA is asked for.

fn main() {
    println!("cargo::rerun-if-changed=src/readout/device/kernels.cu");
    #[cfg(feature = "cuda")]
    compile();
}

#[cfg(feature = "cuda")]
fn compile() {
    let folder = std::path::PathBuf::from(std::env::var_os("OUT_DIR").expect("cargo sets it"));
    let compiled = cudaforge::KernelBuilder::new()
        .source_files(["src/readout/device/kernels.cu"])
        .arg("-std=c++17")
        .arg("-O3")
        .build_ptx()
        .and_then(|bindings| bindings.write(folder.join("kernels.rs")));
    if let Err(error) = compiled {
        panic!("the readout's kernels were not compiled: {error}");
    }
}
