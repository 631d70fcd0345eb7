//! The machine that a pickle is a program for.

use std::collections::BTreeMap;

use super::{Id, Outcome, Value};

/// The machine that a pickle is a program for: a stack of values, places marked on it, and values remembered.
pub(super) struct Reader<'a> {
    pub(super) rest: &'a [u8],
    pub(super) values: Vec<Value>,
    pub(super) stack: Vec<Id>,
    marks: Vec<usize>,
    memo: BTreeMap<usize, Id>,
}

impl<'a> Reader<'a> {
    /// Before the first instruction of `bytes`.
    pub(super) fn new(bytes: &'a [u8]) -> Self {
        Self {
            rest: bytes,
            values: Vec::new(),
            stack: Vec::new(),
            marks: Vec::new(),
            memo: BTreeMap::new(),
        }
    }

    /// Follows the instructions to the last, and gives what is then on the stack.
    pub(super) fn run(&mut self) -> Outcome<Id> {
        loop {
            let opcode = self.byte()?;
            match opcode {
                b'.' => return self.pop(),
                // The version, and the length of a part that is read as a whole.
                0x80 => _ = self.byte()?,
                0x95 => _ = self.take(8)?,
                b'N' => self.push(Value::None),
                0x88 => self.push(Value::Bool(true)),
                0x89 => self.push(Value::Bool(false)),
                b'J' | b'K' | b'M' | 0x8a => self.int(opcode)?,
                b'G' => {
                    let value = f64::from_be_bytes(self.array()?);
                    self.push(Value::Float(value));
                }
                b'X' | 0x8c | 0x8d => self.text(opcode)?,
                b'(' => self.marks.push(self.stack.len()),
                b')' | b']' | 0x8f => self.push(Value::List(Vec::new())),
                b'}' => self.push(Value::Dict(Vec::new())),
                b't' => {
                    let items = self.marked()?;
                    self.push(Value::List(items));
                }
                0x85..=0x87 => self.tuple(usize::from(opcode - 0x84))?,
                b'a' | b'e' | 0x90 => self.append(opcode)?,
                b's' | b'u' => self.set(opcode)?,
                b'q' | b'r' | 0x94 => self.remember(opcode)?,
                b'h' | b'j' => self.recall(opcode)?,
                b'c' | 0x93 => self.name(opcode)?,
                b'Q' => self.storage()?,
                b'R' => self.reduce()?,
                b'b' => self.build()?,
                other => return Err(format!("it has the instruction 0x{other:02x}")),
            }
        }
    }

    pub(super) fn push(&mut self, value: Value) {
        self.stack.push(self.values.len());
        self.values.push(value);
    }

    /// The value on top, taken off. What lies below a mark is not to be had that way.
    pub(super) fn pop(&mut self) -> Outcome<Id> {
        let bottom = self.marks.last().copied().unwrap_or(0);
        match self.stack.pop() {
            Some(id) if self.stack.len() >= bottom => Ok(id),
            _ => Err("its stack runs empty".to_string()),
        }
    }

    pub(super) fn top(&self) -> Outcome<Id> {
        (self.stack.last().copied()).ok_or_else(|| "its stack runs empty".to_string())
    }

    /// All values above the last mark, taken off with it.
    fn marked(&mut self) -> Outcome<Vec<Id>> {
        let mark = self.marks.pop().ok_or("it has no mark where it needs one")?;
        Ok(self.stack.split_off(mark.min(self.stack.len())))
    }

    fn int(&mut self, opcode: u8) -> Outcome<()> {
        let value = match opcode {
            b'J' => i32::from_le_bytes(self.array()?).into(),
            b'K' => self.byte()?.into(),
            b'M' => u16::from_le_bytes(self.array()?).into(),
            _ => self.long()?,
        };
        self.push(Value::Int(value));
        Ok(())
    }

    fn text(&mut self, opcode: u8) -> Outcome<()> {
        let len = match opcode {
            b'X' => self.len(4)?,
            0x8c => self.len(1)?,
            _ => self.len(8)?,
        };
        let text = String::from_utf8_lossy(self.take(len)?).into_owned();
        self.push(Value::Text(text));
        Ok(())
    }

    fn tuple(&mut self, len: usize) -> Outcome<()> {
        let mut items = Vec::with_capacity(len);
        for _ in 0..len {
            items.push(self.pop()?);
        }
        items.reverse();
        self.push(Value::List(items));
        Ok(())
    }

    fn append(&mut self, opcode: u8) -> Outcome<()> {
        let items = match opcode {
            b'a' => vec![self.pop()?],
            _ => self.marked()?,
        };
        let list = self.top()?;
        match &mut self.values[list] {
            Value::List(list) => list.extend(items),
            _ => return Err("it appends to what is no list".to_string()),
        }
        Ok(())
    }

    fn set(&mut self, opcode: u8) -> Outcome<()> {
        let items = match opcode {
            b's' => {
                let value = self.pop()?;
                vec![self.pop()?, value]
            }
            _ => self.marked()?,
        };
        let (pairs, []) = items.as_chunks::<2>() else {
            return Err("it has a key without a value".to_string());
        };
        let dict = self.top()?;
        match &mut self.values[dict] {
            Value::Dict(dict) => dict.extend(pairs.iter().map(|&[key, value]| (key, value))),
            _ => return Err("it sets a key of what is no dict".to_string()),
        }
        Ok(())
    }

    fn remember(&mut self, opcode: u8) -> Outcome<()> {
        let place = match opcode {
            b'q' => self.len(1)?,
            b'r' => self.len(4)?,
            _ => self.memo.len(),
        };
        let top = self.top()?;
        self.memo.insert(place, top);
        Ok(())
    }

    fn recall(&mut self, opcode: u8) -> Outcome<()> {
        let place = self.len(if opcode == b'h' { 1 } else { 4 })?;
        let id = self.memo.get(&place).copied();
        self.stack.push(id.ok_or("it recalls what it does not remember")?);
        Ok(())
    }
}
