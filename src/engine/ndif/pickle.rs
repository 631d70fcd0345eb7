//! A request's pickle, written opcode by opcode: what nnsight 0.8 would have pickled of a trace, without the
//! modules that the body does not touch. Protocol 4; weights and code objects never travel, the body does as
//! text.

use crate::decoder::Modules;

/// The memo's place of the model.
const MODEL: u32 = 0;
/// What tracebacks call the body.
const FILE: &str = "lens.py";

/// A pickle as it is written.
struct Pickle(Vec<u8>);

impl Pickle {
    fn op(&mut self, op: u8) {
        self.0.push(op);
    }

    /// `BINUNICODE`.
    fn text(&mut self, text: &str) {
        self.op(b'X');
        self.0.extend((text.len() as u32).to_le_bytes());
        self.0.extend(text.as_bytes());
    }

    /// `STACK_GLOBAL`: the class or function `name` of `module`.
    fn global(&mut self, module: &str, name: &str) {
        self.text(module);
        self.text(name);
        self.op(0x93);
    }

    /// An object of that class, made by `__new__` without arguments; [`Pickle::state`] fills it.
    fn object(&mut self, module: &str, class: &str) {
        self.global(module, class);
        self.op(b')');
        self.op(0x81);
    }

    /// A dict, its items written by `items`.
    fn dict(&mut self, items: impl FnOnce(&mut Self)) {
        self.op(b'}');
        self.op(b'(');
        items(self);
        self.op(b'u');
    }

    /// What the object on the stack has as its attributes.
    fn state(&mut self, items: impl FnOnce(&mut Self)) {
        self.dict(items);
        self.op(b'b');
    }

    /// A list, its items written by `items`.
    fn list(&mut self, items: impl FnOnce(&mut Self)) {
        self.op(b']');
        self.op(b'(');
        items(self);
        self.op(b'e');
    }

    fn none(&mut self) {
        self.op(b'N');
    }

    /// `BININT`.
    fn number(&mut self, number: u32) {
        self.op(b'J');
        self.0.extend((number as i32).to_le_bytes());
    }

    /// What the server has under that name.
    fn persistent(&mut self, name: &str) {
        self.text(name);
        self.op(b'Q');
    }

    fn item(&mut self, name: &str, value: impl FnOnce(&mut Self)) {
        self.text(name);
        value(self);
    }

    /// The attributes that every envoy has, for the module at `path`.
    fn envoy_state(&mut self, path: &str) {
        self.item("_module", |p| p.persistent(&format!("Module:{path}")));
        self.item("path", |p| p.text(path));
        self.item("interleaver", |p| p.persistent("Interleaver"));
        for empty in ["_edits", "_children"] {
            self.item(empty, |p| p.op(b']'));
        }
        for none in ["_rename", "_envoys"] {
            self.item(none, Self::none);
        }
        for empty in ["_aliases", "_child_map"] {
            self.item(empty, |p| p.op(b'}'));
        }
    }

    /// The envoy of the module at `path` below the model.
    fn envoy(&mut self, path: &str) {
        self.object("nnsight.intervention.envoy", "Envoy");
        self.state(|p| p.envoy_state(&format!("model.{path}")));
    }

    /// The model itself, which the memo keeps.
    fn model(&mut self, repository: &str, revision: Option<&str>) {
        self.object("nnsight.modeling.transformers", "TransformersModel");
        self.op(b'r');
        self.0.extend(MODEL.to_le_bytes());
        self.state(|p| {
            p.envoy_state("model");
            p.item("pipeline", |p| p.persistent("Pipeline"));
            p.item("tokenizer", |p| p.persistent("Tokenizer"));
            for none in ["processor", "image_processor", "feature_extractor", "peft"] {
                p.item(none, Self::none);
            }
            p.item("task", |p| p.text("text-generation"));
            p.item("repo_id", |p| p.text(repository));
            p.item("revision", |p| match revision {
                Some(revision) => p.text(revision),
                None => p.none(),
            });
        });
    }
}

/// What a request runs.
pub struct Trace<'a> {
    pub repository: &'a str,
    pub revision: Option<&'a str>,
    pub modules: &'a Modules,
    /// The prompt.
    pub ids: &'a [u32],
    /// The blocks that the body reads, rising.
    pub blocks: &'a [usize],
    /// Whether it reads what attention and MLP add.
    pub branches: bool,
    /// What it is asked for, as JSON.
    pub asked: &'a str,
    /// Its text.
    pub body: &'a str,
}

/// `(tracer, (body, globals, locals))`.
pub fn request(trace: &Trace) -> Vec<u8> {
    let mut pickle = Pickle(vec![0x80, 4]);
    pickle.object("nnsight.intervention.tracer", "InterleavingTracer");
    pickle.state(|p| tracer(p, trace));
    p_body(&mut pickle, trace);
    pickle.op(0x86);
    pickle.op(b'.');
    pickle.0
}

fn tracer(p: &mut Pickle, trace: &Trace) {
    p.item("info", |p| {
        p.object("nnsight.tracing.tracer", "Tracer.Info");
        p.state(|p| p.item("frame", frame));
    });
    p.item("envoy", |p| p.model(trace.repository, trace.revision));
    p.item("fn", |p| {
        p.global("builtins", "getattr");
        p.op(b'j');
        p.0.extend(MODEL.to_le_bytes());
        p.text("_call");
        p.op(0x86);
        p.op(b'R');
    });
    p.item("args", |p| {
        p.list(|p| trace.ids.iter().for_each(|&id| p.number(id)));
        p.op(0x85);
    });
    p.item("kwargs", |p| p.op(b'}'));
}

/// A stand-in for the frame that the body would have stood in.
fn frame(p: &mut Pickle) {
    p.object("nnsight.tracing.util", "SerializedFrame");
    p.state(|p| {
        p.item("f_locals", |p| p.op(b'}'));
        p.item("f_globals", |p| p.op(b'}'));
        p.item("f_code", |p| {
            p.object("types", "SimpleNamespace");
            p.state(|p| {
                p.item("co_filename", |p| p.text(FILE));
                p.item("co_firstlineno", |p| p.number(1));
                p.item("co_name", |p| p.text("<module>"));
            });
        });
    });
}

/// `(body, globals, locals)`.
fn p_body(p: &mut Pickle, trace: &Trace) {
    p.text(trace.body);
    p.op(b'}');
    p.dict(|p| {
        p.item("asked", |p| p.text(trace.asked));
        p.item("norm", |p| p.envoy(trace.modules.norm));
        p.item("head", |p| p.envoy(trace.modules.head));
        p.item("blocks", |p| {
            p.list(|p| trace.blocks.iter().for_each(|&layer| block(p, trace, layer)));
        });
    });
    p.op(0x87);
}

/// `(block, attention, mlp)`.
fn block(p: &mut Pickle, trace: &Trace, layer: usize) {
    let path = format!("{}.{layer}", trace.modules.blocks);
    p.envoy(&path);
    let branches = trace.modules.branches.filter(|_| trace.branches);
    for nth in 0..2 {
        match branches {
            Some(names) => p.envoy(&format!("{path}.{}", names[nth])),
            None => p.none(),
        }
    }
    p.op(0x87);
}
