//! The `lens` binary.

mod cli;

#[global_allocator]
static ALLOCATOR: cli::ending::Allocator = cli::ending::Allocator;

fn main() -> std::process::ExitCode {
    cli::main()
}
