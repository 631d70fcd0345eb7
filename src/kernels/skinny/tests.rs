use half::{bf16, f16};

use super::super::product::{apply, product};
use super::*;
use crate::weights::{DType, Layout, Matrix, View};

/// Numbers that sixteen bits hold exactly, of all sizes between ±4.
fn number(i: usize) -> f32 {
    let steps = (i * 7919 + 13) % 257;
    (steps as f32 - 128.) / if i.is_multiple_of(3) { 32. } else { 256. }
}

fn matrix(dtype: DType, outputs: usize, inputs: usize) -> Matrix {
    let numbers = (0..outputs * inputs).map(number);
    let bytes = match dtype {
        DType::Bf16 => numbers.flat_map(|x| bf16::from_f32(x).to_le_bytes()).collect(),
        DType::F16 => numbers.flat_map(|x| f16::from_f32(x).to_le_bytes()).collect(),
        _ => numbers.flat_map(f32::to_le_bytes).collect(),
    };
    let view = View::in_memory(bytes, dtype, vec![outputs, inputs]);
    Matrix::new(view, [outputs, inputs], Layout::OutIn)
}

fn rows(rows: usize, inputs: usize) -> Vec<f32> {
    (0..rows * inputs).map(|i| number(3 * i + 1)).collect()
}

/// Sizes about those of a register, a group of rows or outputs, a stretch.
const SIZES: [(usize, usize, usize); 10] = [
    (1, 1, 1),
    (1, 5, 15),
    (2, 4, 16),
    (5, 3, 33),
    (6, 6, 64),
    (7, 9, 1024),
    (10, 17, 1040),
    (13, 8, 2048),
    (4, 6, 2055),
    (FEW, 21, 3100),
];

#[test]
fn every_product_is_that_of_float64() {
    for dtype in [DType::F32, DType::Bf16, DType::F16] {
        for (count, outputs, inputs) in SIZES {
            let (matrix, x) = (matrix(dtype, outputs, inputs), rows(count, inputs));
            let y = apply(&matrix, None, &x, count);
            for (row, y) in y.chunks_exact(outputs).enumerate() {
                for (output, &y) in y.iter().enumerate() {
                    let terms =
                        (0..inputs).map(|i| number(output * inputs + i) as f64 * x[row * inputs + i] as f64);
                    let (sum, size) =
                        terms.fold((0., 0.), |(sum, size), term| (sum + term, size + term.abs()));
                    // Each of a register's sums rounds once a term, to half a unit in the last place.
                    let bound = size * f32::EPSILON as f64 * (inputs.div_ceil(8) + 8) as f64;
                    assert!(
                        (y as f64 - sum).abs() <= bound,
                        "{dtype} {row} {output}: {y} {sum}"
                    );
                }
            }
        }
    }
}

/// Sixteen bits are widened exactly, so nothing depends on where they are.
#[test]
fn sixteen_bits_give_what_their_float32_gives_to_the_bit() {
    for dtype in [DType::Bf16, DType::F16] {
        for (count, outputs, inputs) in SIZES {
            let x = rows(count, inputs);
            let narrow = matrix(dtype, outputs, inputs);
            let wide = matrix(DType::F32, outputs, inputs);
            assert_eq!(
                apply(&narrow, None, &x, count),
                apply(&wide, None, &x, count),
                "{dtype}"
            );
            // The way for an instruction set that has no load of them.
            let mut buffer = Vec::new();
            let panel = Panel::new(&narrow, 0..outputs, count, &mut buffer);
            let mut stretched = vec![0.; count * outputs];
            pulp::Arch::new().dispatch(Job {
                panel: &panel,
                x: &x,
                rows: count,
                y: stretched.as_mut_ptr(),
                stride: outputs,
            });
            let mut loaded = vec![0.; count * outputs];
            product(&panel, &x, count, &mut loaded);
            assert_eq!(stretched, loaded, "{dtype}");
        }
    }
}

/// A row's sums are made in the same order whoever is beside it.
#[test]
fn a_row_is_the_same_alone_and_among_others() {
    let (outputs, inputs) = (19, 1100);
    let (matrix, x) = (matrix(DType::Bf16, outputs, inputs), rows(FEW, inputs));
    let all = apply(&matrix, None, &x, FEW);
    for row in 0..FEW {
        let alone = apply(&matrix, None, &x[row * inputs..][..inputs], 1);
        assert_eq!(alone, all[row * outputs..][..outputs], "{row}");
    }
}
