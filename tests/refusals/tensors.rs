//! Tensors: missing, left over, of another shape or type, in two places, not numbers.

use safetensors::Dtype;

use logit_lens::engine::Engine;
use logit_lens::lens::Request;

use crate::support::{Checkpoint, Stored};
use crate::{assert_refused, prompts, refuse};

#[test]
fn a_checkpoint_without_a_tensor_that_it_needs_is_refused() {
    for (name, tensor) in [
        ("gpt2", "wpe.weight"),
        ("gpt2", "ln_f.bias"),
        ("gpt2", "h.1.mlp.c_fc.weight"),
        ("gpt2-untied", "lm_head.weight"),
        ("llama", "model.norm.weight"),
        ("llama", "model.layers.2.self_attn.k_proj.weight"),
        ("llama-linear", "model.layers.0.mlp.down_proj.bias"),
    ] {
        let checkpoint = Checkpoint::copy_of(name);
        checkpoint.tensors(|t| assert!(t.remove(tensor).is_some(), "{name} never had {tensor}"));
        refuse(&checkpoint, &[tensor], tensor);
    }
}

#[test]
fn a_tensor_that_nothing_uses_is_refused_and_known_buffers_are_not() {
    for (name, tensor) in [
        ("gpt2", "score.weight"),
        ("gpt2", "h.3.ln_1.weight"),
        ("gpt2-prefixed", "transformer.h.0.crossattention.c_attn.weight"),
        ("llama", "model.layers.0.self_attn.q_proj.bias"),
        ("llama", "model.layers.0.self_attn.q_proj.lora_A.weight"),
    ] {
        let checkpoint = Checkpoint::copy_of(name);
        checkpoint.tensors(|t| _ = t.insert(tensor.into(), Stored::zeros(Dtype::F32, &[4])));
        refuse(&checkpoint, &[tensor], tensor);
    }
    for (name, buffer) in [
        ("gpt2-prefixed", "transformer.h.0.attn.bias"),
        ("gpt2-prefixed", "transformer.h.0.attn.masked_bias"),
        ("llama", "model.layers.0.self_attn.rotary_emb.inv_freq"),
    ] {
        let checkpoint = Checkpoint::copy_of(name);
        // GPT-2's masks are stored as bytes.
        checkpoint.tensors(|t| _ = t.insert(buffer.into(), Stored::zeros(Dtype::U8, &[4])));
        assert!(checkpoint.load().is_ok(), "{buffer}");
    }
}

#[test]
fn a_tensor_of_another_shape_or_type_is_refused() {
    let checkpoint = Checkpoint::copy_of("gpt2");
    // A linear layer's weight where GPT-2 has a Conv1D's: as many numbers, transposed.
    checkpoint.tensors(|t| t.get_mut("h.0.attn.c_attn.weight").unwrap().shape.reverse());
    let names = ["h.0.attn.c_attn.weight", "[36, 12]", "[12, 36]"];
    refuse(&checkpoint, &names, "transposed");

    for (dtype, shown) in [
        (Dtype::I8, "I8"),
        (Dtype::F64, "F64"),
        (Dtype::F8_E4M3, "F8_E4M3"),
    ] {
        for tensor in ["wte.weight", "h.2.ln_2.bias"] {
            let checkpoint = Checkpoint::copy_of("gpt2");
            checkpoint.tensors(|t| {
                let shape = t[tensor].shape.clone();
                t.insert(tensor.into(), Stored::zeros(dtype, &shape));
            });
            refuse(&checkpoint, &[tensor, shown], shown);
        }
    }
}

/// `max(x, 0)` of NaN is often written so that it is 0.
#[test]
fn no_activation_makes_a_number_of_what_is_none() {
    for activation in ["relu", "gelu", "gelu_new", "silu"] {
        let checkpoint = Checkpoint::copy_of("gpt2");
        checkpoint
            .set("activation_function", activation.into())
            .tensors(|t| {
                let name = "h.1.mlp.c_fc.weight";
                let stored = t[name].map_f32(Dtype::F32, |_| f32::NAN.to_le_bytes());
                t.insert(name.into(), stored);
            });
        let model = checkpoint.load().unwrap();
        let place = ["at layer 1, in its MLP"];
        assert_refused(
            model.read(&["The Eiffel"], &prompts::request()),
            &place,
            activation,
        );
        let prompt = model
            .prompt("The Eiffel", logit_lens::text::prompt::Bos::Auto)
            .unwrap();
        assert_refused(model.generate(&prompt, 2), &place, activation);
    }
}

#[test]
fn weights_that_are_not_numbers_are_refused_by_the_layer_they_are_in() {
    for bad in [f32::NAN, f32::INFINITY] {
        for (tensor, place) in [
            ("wpe.weight", "in the embedding"),
            ("h.0.ln_1.weight", "at layer 0, in its attention"),
            ("h.1.mlp.c_proj.weight", "at layer 1, in its MLP"),
            ("h.2.attn.c_attn.bias", "at layer 2, in its attention"),
            ("ln_f.weight", "in the final norm or the unembedding"),
        ] {
            let checkpoint = Checkpoint::copy_of("gpt2");
            checkpoint.tensors(|t| {
                let stored = t[tensor].map_f32(Dtype::F32, |_| bad.to_le_bytes());
                t.insert(tensor.into(), stored);
            });
            let model = checkpoint.load().unwrap();
            let what = format!("{bad} in {tensor}");
            // Whichever layers are read: it is said where it begins.
            for layers in ["all", "-1", "0"] {
                let request = Request {
                    layers: layers.parse().unwrap(),
                    ..prompts::request()
                };
                assert_refused(model.read(&["The Eiffel"], &request), &[place], &what);
            }
        }
    }
}
